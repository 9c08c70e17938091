/**
 * The relay for networks that block UDP: how RTCPeerConnection reaches it. The credentials live for five minutes and are needed only
 * while a connection is made, so they are asked for anew when they are getting old.
 */
import type { Fetch } from './rtc';

/** How long an answer is waited for: a connection must not be late for what it may not need. In ms. */
const patience = 2_000;
/** The share of their life for which credentials are used again. */
const fresh = 0.6;

/** A function that gives the servers of a course; none when there is no relay or no answer in time. It never rejects. */
export function iceServersOf(
  course: string,
  get: Fetch = (input, init) => fetch(input, init),
  now: () => number = () => performance.now(),
): () => Promise<RTCIceServer[]> {
  let servers: RTCIceServer[] = [];
  let until = -Infinity;
  return async () => {
    if (now() < until) return servers;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const url = `/api/courses/${encodeURIComponent(course)}/ice`;
      const response = await get(url, { credentials: 'same-origin', cache: 'no-store', signal: abort.signal });
      if (!response.ok) return [];
      const said = (await response.json()) as { ice_servers: RTCIceServer[]; ttl_s: number };
      servers = said.ice_servers;
      until = now() + said.ttl_s * 1000 * fresh;
      return servers;
    } catch {
      return [];
    } finally {
      clearTimeout(timer);
    }
  };
}
