import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem, type MediaHost } from '../shared/api';
import { MediaAccess } from './access';

const grant = { policy: 'p', signature: 's', key_id: 'k', viewer: 'v' };
const host = (name: string): MediaHost => ({ base: `https://${name}/hls/c/`, access: `https://${name}/hls/c/access`, grant });
const path = '/hls/c/index.m3u8';

let hosts: MediaHost[] | Problem;
let asked: number;
let posted: string[];
let dead: string[];
let refused: number;
let access: MediaAccess;

beforeEach(() => {
  vi.useFakeTimers();
  hosts = [host('a'), host('b')];
  asked = refused = 0;
  posted = [];
  dead = [];
  access = new MediaAccess({
    course: 'c',
    onrefused: () => refused++,
    ask: async () => {
      asked++;
      if (hosts instanceof Problem) throw hosts;
      return { hosts, renew_s: 150 };
    },
    post: async (url, init) => {
      posted.push(`${url} ${String(init.body)}`);
      if (dead.some((name) => url.includes(name))) throw new TypeError('no answer');
      return { ok: true };
    },
  });
});
afterEach(() => {
  access.close();
  vi.useRealTimers();
});

describe('access to media', () => {
  it('is by the session where there is no CDN', async () => {
    hosts = [];
    await access.ready();
    expect(access.at(path)).toBe(path);
    expect(access.foreign).toBe(false);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(asked).toBe(1);
    expect(await access.next()).toBe(false);
  });

  it('carries the grant to the host, before media is fetched and again in time', async () => {
    await access.ready();
    expect(access.at(path)).toBe('https://a/hls/c/index.m3u8');
    expect(access.at('/hls/c/speaker/index.m3u8')).toBe('https://a/hls/c/speaker/index.m3u8');
    expect(access.foreign).toBe(true);
    expect(posted).toEqual([`https://a/hls/c/access ${JSON.stringify(grant)}`]);
    await vi.advanceTimersByTimeAsync(150_000);
    expect(asked).toBe(2);
    expect(posted).toHaveLength(2);
  });

  it('posts nothing where the answer has set the cookies', async () => {
    hosts = [{ base: 'https://here/hls/c/' }];
    await access.ready();
    expect(posted).toEqual([]);
    expect(access.at(path)).toBe('https://here/hls/c/index.m3u8');
  });

  it('takes the next host when one does not answer, and stays there', async () => {
    dead = ['//a/'];
    await access.ready();
    expect(access.at(path)).toBe('https://b/hls/c/index.m3u8');
    await vi.advanceTimersByTimeAsync(150_000);
    expect(access.at(path)).toBe('https://b/hls/c/index.m3u8');
    expect(await access.next()).toBe(true);
    expect(access.at(path)).toBe('https://a/hls/c/index.m3u8');
  });

  it('asks again when there was no answer, and stops when there is no leave', async () => {
    hosts = new Problem(0, 'network', '');
    await access.ready();
    expect(access.at(path)).toBe(path);
    hosts = [host('a')];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(access.at(path)).toBe('https://a/hls/c/index.m3u8');
    hosts = new Problem(403, 'forbidden', '');
    await vi.advanceTimersByTimeAsync(150_000);
    expect(refused).toBe(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(asked).toBe(3);
  });
});
