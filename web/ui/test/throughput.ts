/** How much a second the line carries, by timing pieces of noise that grow until one takes long enough to say something. */
import type { Fetch } from '../shared/rtc';

/** The first and the largest piece, in bytes; the server takes no larger one. */
const first = 64 << 10;
const largest = 4 << 20;
/** A piece that took this long is believed; one is sized to take about `aim`. In ms. */
const enough = 700;
const aim = 1_500;
const tries = 4;
const patience = 20_000;

export type Direction = 'down' | 'up';

/** The size of the next piece after one of `bytes` took `ms`. */
export function nextSize(bytes: number, ms: number): number {
  return Math.min(largest, Math.max(first, Math.round((bytes / Math.max(1, ms)) * aim)));
}

/** The rate in kbit/s; 0 when nothing gets through. Never rejects. `url` is path-blob's. */
export async function throughput(
  direction: Direction,
  url: string,
  get: Fetch = (input, init) => fetch(input, init),
  now: () => number = () => performance.now(),
): Promise<number> {
  let size = first;
  let best = 0;
  for (let n = 0; n < tries; n++) {
    const start = now();
    if (!(await transfer(direction, url, size, get))) return best;
    const ms = now() - start;
    best = Math.max(best, Math.round((size * 8) / Math.max(1, ms)));
    if (ms >= enough || size === largest) return best;
    size = nextSize(size, ms);
  }
  return best;
}

async function transfer(direction: Direction, url: string, size: number, get: Fetch): Promise<boolean> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  const common: RequestInit = { credentials: 'same-origin', cache: 'no-store', signal: abort.signal };
  try {
    if (direction === 'up') {
      const init = { ...common, method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: noise(size) };
      return (await get(url, init)).ok;
    }
    const response = await get(`${url}?bytes=${size}`, common);
    return response.ok && (await response.arrayBuffer()).byteLength === size;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** Bytes that nothing on the way can shrink. The browser gives 64 KiB of them at a time. */
function noise(size: number): Blob {
  const parts: ArrayBuffer[] = [];
  for (let left = size; left > 0; left -= 1 << 16) {
    parts.push(crypto.getRandomValues(new Uint8Array(Math.min(left, 1 << 16))).buffer);
  }
  return new Blob(parts);
}
