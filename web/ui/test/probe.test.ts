import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { figures, onlyBy, probe, type ProbePeer } from './probe';

const answer = [
  'v=0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host',
  'a=candidate:2 1 tcp 1671430143 192.0.2.1 8080 typ host tcptype passive',
  'a=end-of-candidates',
].join('\r\n');

describe('onlyBy', () => {
  it('keeps the candidates of one protocol', () => {
    expect(onlyBy('udp', answer)).toBe(answer.replace(/a=candidate:2.*\r\n/, ''));
    expect(onlyBy('tcp', answer)).toBe(answer.replace(/a=candidate:1.*\r\n/, ''));
  });

  it('says when there is none', () => {
    expect(onlyBy('tcp', answer.replace(/a=candidate:2.*\r\n/, ''))).toBeUndefined();
  });
});

describe('figures', () => {
  it('takes the middle round trip, the mean step and what is missing', () => {
    expect(figures(5, [40, 44, 40, 100])).toEqual({ rttMs: 44, jitterMs: 23, loss: expect.closeTo(0.2, 9) });
  });

  it('has none without an answer', () => {
    expect(figures(10, [])).toEqual({ rttMs: 0, jitterMs: 0, loss: 1 });
    expect(figures(0, [])).toEqual({ rttMs: 0, jitterMs: 0, loss: 0 });
  });
});

/** A peer whose channel opens when it has the answer, and sends back what `returns` says, after 30 ms. */
class EchoPeer {
  static configuration: RTCConfiguration;
  localDescription = { type: 'offer', sdp: 'v=0' } as RTCSessionDescription;
  remote = '';
  closed = false;
  channel = {
    onopen: null as (() => void) | null,
    onclose: null as (() => void) | null,
    onmessage: null as ((event: { data: string }) => void) | null,
    send: (text: string) => {
      if (this.returns(Number(text.split(' ')[0]))) setTimeout(() => this.channel.onmessage?.({ data: text }), 30);
    },
  };

  constructor(
    private readonly returns: (n: number) => boolean,
    private readonly connects = true,
  ) {}

  createDataChannel = () => this.channel as unknown as RTCDataChannel;
  createOffer = async () => this.localDescription;
  setLocalDescription = async () => undefined;
  setRemoteDescription = async (description: RTCSessionDescriptionInit) => {
    this.remote = description.sdp ?? '';
    if (this.connects) setTimeout(() => this.channel.onopen?.(), 5);
  };
  close = () => (this.closed = true);
}

const reply =
  (body: string, status = 201) =>
  async () =>
    new Response(body, { status });

describe('probe', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  async function run(peer: EchoPeer, more: Partial<Parameters<typeof probe>[0]> = {}) {
    const running = probe({
      url: '/path-probe',
      way: 'udp',
      servers: [],
      count: 20,
      newPeer: (configuration) => {
        EchoPeer.configuration = configuration;
        return peer as unknown as ProbePeer;
      },
      fetch: reply(answer),
      ...more,
    });
    await vi.advanceTimersByTimeAsync(10_000);
    return running;
  }

  it('measures what comes back', async () => {
    const peer = new EchoPeer((n) => n % 4 !== 3);
    expect(await run(peer)).toEqual({ state: 'works', rttMs: 30, jitterMs: 0, loss: 0.25 });
    expect(peer.remote).not.toContain(' tcp ');
    expect(peer.closed).toBe(true);
  });

  it('fails when nothing comes back, when the channel does not open, and when the server refuses', async () => {
    expect((await run(new EchoPeer(() => false))).state).toBe('fails');
    const silent = new EchoPeer(() => true, false);
    expect((await run(silent)).state).toBe('fails');
    expect(silent.closed).toBe(true);
    expect((await run(new EchoPeer(() => true), { fetch: reply('', 503) })).state).toBe('fails');
  });

  it('says what the server does not offer', async () => {
    const udpOnly = reply(answer.replace(/a=candidate:2.*\r\n/, ''));
    expect((await run(new EchoPeer(() => true), { way: 'tcp', fetch: udpOnly })).state).toBe('absent');
    expect((await run(new EchoPeer(() => true), { way: 'turn' })).state).toBe('absent');
  });

  it('goes through the relay alone when that is what it tries', async () => {
    const servers = [{ urls: ['turn:192.0.2.1:443?transport=tcp'], username: 'u', credential: 'c' }];
    expect((await run(new EchoPeer(() => true), { way: 'turn', servers })).state).toBe('works');
    expect(EchoPeer.configuration).toEqual({ iceServers: servers, iceTransportPolicy: 'relay' });
  });
});
