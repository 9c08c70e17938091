import { describe, expect, it } from 'vitest';
import { nextSize, throughput } from './throughput';

/** A line of so many bytes a millisecond; time passes with what is sent over it. */
function line(bytesPerMs: number, fails: (n: number) => boolean = () => false) {
  let at = 0;
  const sizes: number[] = [];
  const get = async (url: string, init: RequestInit): Promise<Response> => {
    const size = init.method === 'POST' ? (init.body as Blob).size : Number(new URL(url, 'http://a').searchParams.get('bytes'));
    sizes.push(size);
    if (fails(sizes.length)) throw new TypeError('network');
    at += size / bytesPerMs;
    return new Response(init.method === 'POST' ? '{}' : new Uint8Array(size));
  };
  return { sizes, get, now: () => at };
}

describe('throughput', () => {
  it.each(['down', 'up'] as const)('finds the rate of a line, %s', async (direction) => {
    const slow = line(50); // 400 kbit/s
    expect(await throughput(direction, '/blob', slow.get, slow.now)).toBe(400);
    expect(slow.sizes).toHaveLength(1);
    const fast = line(1000); // 8 Mbit/s
    expect(await throughput(direction, '/blob', fast.get, fast.now)).toBe(8000);
    expect(fast.sizes).toEqual([65_536, 1_500_000]);
  });

  it('stops at the largest piece the server takes', async () => {
    const local = line(1e6);
    await throughput('down', '/blob', local.get, local.now);
    expect(local.sizes).toEqual([65_536, 4 << 20]);
  });

  it('is 0 when nothing gets through, and what it was when a later piece fails', async () => {
    const dead = line(1000, () => true);
    expect(await throughput('down', '/blob', dead.get, dead.now)).toBe(0);
    const broken = line(1000, (n) => n > 1);
    expect(await throughput('up', '/blob', broken.get, broken.now)).toBe(8000);
  });

  it('sizes the next piece for a second and a half', () => {
    expect(nextSize(65_536, 65.536)).toBe(1_500_000);
    expect(nextSize(65_536, 0)).toBe(4 << 20);
    expect(nextSize(65_536, 60_000)).toBe(65_536);
  });
});
