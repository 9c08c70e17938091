import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backstage } from './backstage';
import { FakePeer, FakeServer, newPeer } from './rtc.fake';

let server: FakeServer;
let refused: number;
let playing: number;

function backstage(): Backstage {
  return new Backstage({
    course: 'c',
    newPeer,
    fetch: server.fetch,
    random: () => 0,
    onrefused: () => refused++,
    play: () => {
      playing++;
      return () => playing--;
    },
  });
}

const hear = () => FakePeer.last.ontrack?.({ track: {} } as RTCTrackEvent);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  refused = playing = 0;
  FakePeer.all = [];
});
afterEach(() => vi.useRealTimers());

describe('backstage', () => {
  it('asks for three voices, plays what comes, and ends the session at the close', async () => {
    const line = backstage();
    line.start();
    await vi.advanceTimersByTimeAsync(10);
    expect(server.requests[0]).toEqual({ method: 'POST', url: '/backstage/c' });
    expect(FakePeer.last.senders.length).toBe(3);
    FakePeer.last.move('connected');
    hear();
    hear();
    expect(playing).toBe(2);
    line.close();
    expect(playing).toBe(0);
    expect(server.count('DELETE')).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakePeer.all.length).toBe(1);
  });

  it('opens a lost line anew, and gives one that only stutters two seconds', async () => {
    const line = backstage();
    line.start();
    await vi.advanceTimersByTimeAsync(10);
    FakePeer.last.move('connected');
    FakePeer.last.move('disconnected');
    await vi.advanceTimersByTimeAsync(1_900);
    FakePeer.last.move('connected');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakePeer.all.length).toBe(1);
    FakePeer.last.move('failed');
    await vi.advanceTimersByTimeAsync(10);
    expect(FakePeer.all.length).toBe(2);
    line.close();
  });

  it('stops when it may not listen any more, and goes on when the server is away', async () => {
    server.post = ['down', 403];
    backstage().start();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.count('POST')).toBe(2);
    expect(refused).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.count('POST')).toBe(2);
  });
});
