import { describe, expect, it, vi } from 'vitest';
import { iceServersOf } from './ice';

const relay = { urls: ['turns:lectures.example:443?transport=tcp'], username: 'u', credential: 'c' };
const answer = () => Response.json({ ice_servers: [relay], ttl_s: 300 });

describe('iceServersOf', () => {
  it('asks once as long as the credentials are fresh', async () => {
    let at = 0;
    const get = vi.fn(async () => answer());
    const servers = iceServersOf('a b', get, () => at);
    expect(await servers()).toEqual([relay]);
    at = 179_000;
    expect(await servers()).toEqual([relay]);
    expect(get).toHaveBeenCalledTimes(1);
    expect(get).toHaveBeenCalledWith('/api/courses/a%20b/ice', expect.objectContaining({ credentials: 'same-origin' }));
    at = 181_000;
    await servers();
    expect(get).toHaveBeenCalledTimes(2);
  });

  it('gives none when the server refuses or does not answer', async () => {
    expect(await iceServersOf('c', async () => new Response('', { status: 503 }))()).toEqual([]);
    expect(await iceServersOf('c', async () => Promise.reject(new TypeError('network')))()).toEqual([]);
    vi.useFakeTimers();
    const silent = iceServersOf(
      'c',
      (_url, init) => new Promise((_, no) => init.signal?.addEventListener('abort', () => no(new Error('aborted')))),
    );
    const asked = silent();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await asked).toEqual([]);
    vi.useRealTimers();
  });
});
