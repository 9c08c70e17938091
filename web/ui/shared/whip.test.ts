import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePeer, FakeServer, newPeer } from './rtc.fake';
import { orderCodecs, Publisher, type PublisherOptions, type PublisherState } from './whip';

let server: FakeServer;
let states: PublisherState[];
let somebodyElse: boolean;
let counter = 0;

const track = (kind: string) => ({ kind }) as MediaStreamTrack;

function publisher(more: Partial<PublisherOptions> = {}): Publisher {
  return new Publisher({
    url: '/whip/course?backstage=1',
    newPeer,
    fetch: server.fetch,
    random: () => 0,
    occupied: async () => somebodyElse,
    onstate: (state) => states.push(state),
    ...more,
  });
}

/** Runs the clock while the server's reports arrive. */
async function heard(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 250) {
    FakePeer.last.count({ bytes: ++counter * 100, answers: counter, sent: counter * 1000 });
    await vi.advanceTimersByTimeAsync(250);
  }
}

async function connected(): Promise<Publisher> {
  const pub = publisher();
  pub.start([track('video'), track('audio')]);
  await vi.advanceTimersByTimeAsync(10);
  FakePeer.last.move('connected');
  await heard(3_000);
  return pub;
}

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  states = [];
  somebodyElse = false;
  counter = 0;
  FakePeer.all = [];
});
afterEach(() => vi.useRealTimers());

describe('publisher', () => {
  it('knows a way round a blocked network, with credentials that are still good at a restart', async () => {
    const configurations: RTCConfiguration[] = [];
    let asked = 0;
    const pub = publisher({
      iceServers: async () => [{ urls: 'turns:a:443?transport=tcp', username: `${++asked}`, credential: 'c' }],
      newPeer: (wanted) => {
        configurations.push(wanted);
        return Object.assign(newPeer(), { setConfiguration: (changed: RTCConfiguration) => configurations.push(changed) });
      },
    });
    pub.start([track('video')]);
    await vi.advanceTimersByTimeAsync(10);
    FakePeer.last.move('connected');
    await heard(3_000);
    FakePeer.last.move('disconnected');
    await vi.advanceTimersByTimeAsync(400);
    expect(FakePeer.last.restarts).toBe(1);
    expect(configurations.map((each) => each.iceServers?.[0]?.username)).toEqual(['1', '2']);
    expect(configurations[1]?.bundlePolicy).toBe(configurations[0]?.bundlePolicy);
    pub.close();
  });

  it('publishes', async () => {
    const pub = await connected();
    expect(states).toEqual(['connecting', 'connected']);
    expect(server.count('POST')).toBe(1);
    pub.close();
    expect(server.count('DELETE')).toBe(1);
  });

  it('goes on by itself after a hole in the network', async () => {
    const pub = await connected();
    server.ping = 'down';
    await vi.advanceTimersByTimeAsync(5_000);
    expect(pub.state).toBe('reconnecting');
    server.ping = 204;
    await heard(500);
    expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
    expect(FakePeer.last.restarts).toBe(0);
    expect(server.count('POST')).toBe(1);
  });

  it('looks closely when something else of the server has failed', async () => {
    const pub = await connected();
    pub.suspect();
    await heard(2_000);
    expect(states).toEqual(['connecting', 'connected']);
    pub.suspect();
    await vi.advanceTimersByTimeAsync(600);
    expect(pub.state).toBe('reconnecting');
  });

  it('keeps the session by an ICE restart when the line does not come back', async () => {
    const pub = await connected();
    FakePeer.last.move('disconnected');
    expect(pub.state).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(400);
    FakePeer.last.connectionState = 'connected';
    await heard(2_000);
    expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
    expect(FakePeer.last.restarts).toBe(1);
    expect(server.count('POST')).toBe(1);
    expect(server.count('PATCH')).toBe(1);
  });

  it('notices a dead line although the browser still calls it connected', async () => {
    const pub = await connected();
    await vi.advanceTimersByTimeAsync(4_500);
    expect(pub.state).toBe('reconnecting');
  });

  it('opens a new session within a second when the server has forgotten the old one', async () => {
    const pub = await connected();
    server.patch = [404];
    FakePeer.last.move('failed');
    await vi.advanceTimersByTimeAsync(300);
    expect(FakePeer.all).toHaveLength(2);
    FakePeer.last.move('connected');
    expect(pub.state).toBe('connected');
    expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  });

  it('keeps trying through a restart of the server', async () => {
    const pub = await connected();
    server.patch = ['down'];
    server.post = ['down'];
    FakePeer.last.move('disconnected');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(pub.state).toBe('reconnecting');
    expect(server.count('POST')).toBeGreaterThanOrEqual(8);
    server.post = [201];
    await vi.advanceTimersByTimeAsync(1_000);
    FakePeer.last.move('connected');
    expect(pub.state).toBe('connected');
  });

  it('does not fight with another window of the presenter', async () => {
    const pub = await connected();
    server.patch = [404];
    somebodyElse = true;
    FakePeer.last.move('closed');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(pub.state).toBe('taken');
    expect(server.count('POST')).toBe(1);
    somebodyElse = false;
    pub.start();
    await vi.advanceTimersByTimeAsync(10);
    FakePeer.last.move('connected');
    expect(pub.state).toBe('connected');
  });

  it('changes the camera without a new session', async () => {
    const pub = await connected();
    const other = track('video');
    await pub.replace(other);
    expect(FakePeer.last.senders[0]!.replaced).toEqual([other]);
    expect(server.count('POST')).toBe(1);
  });

  it('shows a screen without a new session, and again in the next one', async () => {
    const pub = await connected();
    const screen = track('video');
    await pub.share(screen);
    expect(FakePeer.last.senders[2]!.replaced).toEqual([screen]);
    await pub.share(undefined);
    expect(FakePeer.last.senders[2]!.replaced).toEqual([screen, null]);
    expect(
      server.requests.filter(({ method }) => method === 'DELETE').map(({ url }) => url.replace(/session-\d+/, 'session')),
    ).toEqual(['/whip/course/session/screen?backstage=1']);
    expect(server.count('POST')).toBe(1);
  });

  it('stops when asking again cannot help', async () => {
    server.post = [403];
    const pub = publisher();
    pub.start([track('video')]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(pub.state).toBe('refused');
    expect(server.count('POST')).toBe(1);
  });

  it('gives up a connection that never comes about', async () => {
    publisher().start([track('video')]);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(server.count('POST')).toBe(2);
  });
});

describe('codecs', () => {
  it('offers H.264 baseline first, then other H.264, then VP8, and nothing the recording cannot hold', () => {
    const names = orderCodecs([
      { mimeType: 'video/VP8' },
      { mimeType: 'video/rtx' },
      { mimeType: 'video/VP9' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=640032' },
      { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
      { mimeType: 'video/AV1' },
    ]).map((codec) => codec.mimeType + (codec.sdpFmtpLine?.slice(-6) ?? ''));
    expect(names).toEqual(['video/H26442e01f', 'video/H264640032', 'video/VP8', 'video/rtx']);
  });
});
