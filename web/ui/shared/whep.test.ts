import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LayerState } from './layer';
import { FakePeer, FakeServer, newPeer } from './rtc.fake';
import { Subscriber, type SubscriberOptions, type SubscriberState } from './whep';

let server: FakeServer;
let states: SubscriberState[];
let blocked: number;
let presenterSends: boolean;

function subscriber(more: Partial<SubscriberOptions> = {}): Subscriber {
  return new Subscriber({
    url: '/whep/course',
    newPeer,
    newStream: () => ({ addTrack: () => undefined, getTracks: () => [] }) as unknown as MediaStream,
    fetch: server.fetch,
    random: () => 0,
    expectMedia: () => presenterSends,
    onstate: (state) => states.push(state),
    onstream: () => undefined,
    onblocked: () => blocked++,
    ...more,
  });
}

/** Runs the clock with media arriving every 100 ms, or the sound of it alone. */
async function play(ms: number, picture = true): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    counter++;
    if (picture) pictures++;
    FakePeer.last.count({ bytes: counter * 1000, frames: pictures, answers: counter, sound: counter });
    await vi.advanceTimersByTimeAsync(100);
  }
}
let counter = 0;
let pictures = 0;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  states = [];
  blocked = 0;
  presenterSends = true;
  counter = pictures = 0;
  FakePeer.all = [];
});
afterEach(() => vi.useRealTimers());

describe('subscriber', () => {
  it('asks for ways round a blocked network once the direct way has failed', async () => {
    const relay = { urls: ['turns:a:443?transport=tcp'], username: 'u', credential: 'c' };
    const wanted: RTCConfiguration[] = [];
    const sub = subscriber({
      iceServers: async () => [relay],
      newPeer: (configuration) => {
        wanted.push(configuration);
        return newPeer();
      },
    });
    sub.start();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(wanted.map((configuration) => configuration.iceServers)).toEqual([[], [relay]]);
    await play(1_000);
    expect(sub.state).toBe('playing');
    FakePeer.last.move('failed');
    await vi.advanceTimersByTimeAsync(500);
    expect(wanted[2]?.iceServers).toEqual([relay]);
    sub.close();
  });

  it('plays, and knows how long the first picture took', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    expect(states).toEqual(['connecting', 'playing']);
    expect(sub.firstFrameMs).toBeLessThan(600);
    expect(sub.alive()).toBe(true);
  });

  it('waits while the lecture is not on air, then plays', async () => {
    server.post = [409, 409, 201];
    const sub = subscriber();
    sub.start();
    await vi.advanceTimersByTimeAsync(500);
    expect(states).toEqual(['connecting', 'waiting']);
    await vi.advanceTimersByTimeAsync(1_900);
    expect(server.count('POST')).toBe(3);
    await play(500);
    expect(states).toEqual(['connecting', 'waiting', 'playing']);
    expect(blocked).toBe(0);
  });

  it('is back within a second after the line broke, and gives the old session back', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    FakePeer.last.move('failed');
    expect(sub.state).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(300);
    await play(500);
    expect(sub.state).toBe('playing');
    expect(FakePeer.all).toHaveLength(2);
    expect(FakePeer.all[0]!.closed).toBe(true);
    expect(server.count('DELETE')).toBe(1);
  });

  it('keeps asking a server that is down, at least once a second', async () => {
    server.post = [201, 'down'];
    const sub = subscriber();
    sub.start();
    await play(600);
    FakePeer.last.move('failed');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.count('POST')).toBeGreaterThanOrEqual(10);
    server.post = [201];
    await vi.advanceTimersByTimeAsync(1_000);
    await play(500);
    expect(sub.state).toBe('playing');
    expect(blocked).toBe(0);
  });

  it('goes on by itself after a hole in the network', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    server.ping = 'down';
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sub.state).toBe('reconnecting');
    server.ping = 204;
    await play(500);
    expect(sub.state).toBe('playing');
    expect(server.count('POST')).toBe(1);
  });

  it('has a new session soon after the server is back, when the socket told of its end', async () => {
    server.post = [201, 'down', 201];
    const sub = subscriber();
    sub.start();
    await play(600);
    server.ping = 'down';
    sub.suspect();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sub.state).toBe('reconnecting');
    expect(server.count('POST')).toBe(1);
    server.ping = 204;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.count('POST')).toBe(3);
    sub.nudge(); // the socket is back, too; what is under way goes on
    await play(300);
    expect(sub.state).toBe('playing');
    expect(server.count('POST')).toBe(3);
  });

  it('does not start over when only the socket was lost', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    sub.suspect();
    await play(3_000);
    expect(states).toEqual(['connecting', 'playing']);
  });

  it('waits with a line that stands for a presenter who is gone', async () => {
    presenterSends = false;
    subscriber().start();
    await vi.advanceTimersByTimeAsync(10);
    FakePeer.last.move('connected');
    FakePeer.last.count({ answers: 1 });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(blocked).toBe(0);
    expect(server.count('POST')).toBe(1);
    await play(500);
    expect(states).toEqual(['connecting', 'playing']);
  });

  it('notices a dead line although the browser still calls it connected', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    await vi.advanceTimersByTimeAsync(4_500);
    expect(states).toContain('reconnecting');
  });

  it('earns nothing while the picture stands still', async () => {
    const sub = subscriber();
    sub.start();
    await play(1_000);
    for (let at = 0; at < 20; at++) {
      counter++;
      FakePeer.last.count({ bytes: counter * 1000, frames: 10, answers: counter });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(sub.state).toBe('playing');
    expect(sub.alive()).toBe(false);
  });

  it('stays when the presenter is gone: silence is not our fault', async () => {
    const sub = subscriber();
    sub.start();
    await play(600);
    presenterSends = false;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(sub.state).toBe('playing');
    expect(server.count('POST')).toBe(1);
  });

  it('says when WebRTC does not get through', async () => {
    const sub = subscriber();
    sub.start();
    await vi.advanceTimersByTimeAsync(9_000);
    expect(blocked).toBe(1);
    sub.close();
    const before = server.count('POST');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.count('POST')).toBe(before);
  });

  it('stops when asking again cannot help', async () => {
    server.post = [403];
    const sub = subscriber();
    sub.start();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sub.state).toBe('refused');
    expect(server.count('POST')).toBe(1);
  });

  it('chooses a layer for this session and those to come', async () => {
    const told: LayerState[] = [];
    const sub = subscriber({ onlayer: (state) => told.push(state) });
    expect(await sub.setLayer('low')).toBe(false);
    sub.start();
    await play(600);
    expect(server.choices).toEqual([{ encodingId: 'low' }]);
    server.layer = { wanted: 'mid', shown: 'low', limited: false };
    expect(await sub.setLayer('mid')).toBe(true);
    expect(told.at(-1)).toEqual(server.layer);
    FakePeer.last.move('failed');
    await vi.advanceTimersByTimeAsync(500);
    await play(500);
    expect(server.choices).toEqual([{ encodingId: 'low' }, { encodingId: 'mid' }, { encodingId: 'mid' }]);
    expect(server.requests.filter((request) => request.method === 'GET')).toEqual([]);
    sub.close();
  });

  it('asks why the picture has ceased, takes sound alone for watching when it is meant, and sees the picture come back', async () => {
    const told: LayerState[] = [];
    const sub = subscriber({ onlayer: (state) => told.push(state) });
    sub.start();
    await play(2_000);
    await play(1_600, false);
    expect(sub.alive()).toBe(false);
    server.layer = { wanted: 'auto', shown: 'audio', limited: true };
    await play(2_000, false);
    expect(told.at(-1)).toEqual(server.layer);
    expect(sub.alive()).toBe(true);
    expect(sub.state).toBe('playing');
    server.layer = { wanted: 'auto', shown: 'low', limited: true };
    await play(1_500);
    expect(told.at(-1)).toEqual(server.layer);
    expect(sub.alive()).toBe(true);
    const asked = server.count('GET');
    await play(5_000);
    expect(server.count('GET')).toBe(asked);
    sub.close();
  });

  it('does not take sound alone for watching while the server says that there is a picture', async () => {
    const sub = subscriber();
    sub.start();
    await play(1_000);
    await play(3_000, false);
    expect(server.count('GET')).toBeGreaterThan(0);
    expect(sub.alive()).toBe(false);
    sub.close();
  });
});
