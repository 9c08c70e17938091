/** A browser's peer connection and a server's answers, as the tests of whip.ts and whep.ts steer them. */
import type { LayerState } from './layer';
import type { Fetch, Peer, Stat } from './rtc';

const answerSDP = 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:s\r\na=ice-pwd:s\r\na=mid:0\r\n';

/** A peer that does nothing by itself. */
export class FakePeer {
  static all: FakePeer[] = [];
  connectionState: RTCPeerConnectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  ontrack: ((event: RTCTrackEvent) => void) | null = null;
  localDescription: RTCSessionDescription | null = null;
  stats: Stat[] = [];
  closed = false;
  restarts = 0;
  senders: { replaced: unknown[] }[] = [];

  constructor() {
    FakePeer.all.push(this);
  }

  static get last(): FakePeer {
    return FakePeer.all[FakePeer.all.length - 1]!;
  }

  addTransceiver(): RTCRtpTransceiver {
    const replaced: unknown[] = [];
    this.senders.push({ replaced });
    return {
      mid: null,
      sender: { replaceTrack: async (track: unknown) => void replaced.push(track) },
    } as unknown as RTCRtpTransceiver;
  }

  async createOffer(options?: RTCOfferOptions): Promise<RTCSessionDescriptionInit> {
    if (options?.iceRestart) this.restarts++;
    return { type: 'offer', sdp: answerSDP };
  }

  async setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description as RTCSessionDescription;
  }

  async setRemoteDescription(): Promise<void> {
    if (this.connectionState === 'new') this.move('connecting');
  }

  async getStats(): Promise<RTCStatsReport> {
    return new Map(this.stats.map((stat) => [stat.id, stat])) as unknown as RTCStatsReport;
  }

  close(): void {
    this.closed = true;
    this.connectionState = 'closed';
  }

  /** The browser reports a new state. */
  move(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  /** Bytes, frames and answers to connectivity checks have grown to this. */
  count(values: { bytes?: number; frames?: number; answers?: number; sent?: number; sound?: number }): void {
    const stat = (id: string, type: string, more: Record<string, unknown>): Stat => ({ id, type, timestamp: 0, ...more });
    this.stats = [
      stat('pair', 'candidate-pair', {
        nominated: true,
        state: 'succeeded',
        bytesReceived: values.bytes ?? 0,
        responsesReceived: values.answers ?? 0,
      }),
      stat('in-video', 'inbound-rtp', { kind: 'video', bytesReceived: values.bytes ?? 0, framesDecoded: values.frames ?? 0 }),
      stat('in-audio', 'inbound-rtp', { kind: 'audio', bytesReceived: 0, packetsReceived: values.sound ?? 0 }),
      stat('out-video', 'outbound-rtp', { kind: 'video', rid: 'f', bytesSent: values.sent ?? 0, frameHeight: 720 }),
    ];
  }
}

export const newPeer = () => new FakePeer() as unknown as Peer;

/** A server that answers by a script; the last entry is repeated. */
export class FakeServer {
  readonly requests: { method: string; url: string }[] = [];
  /** For POST: a status, 'down' for no answer, or [409, seconds]. */
  post: (number | 'down')[] = [201];
  patch: (number | 'down')[] = [200];
  /** What is said of the layer, and the choices that were sent. */
  layer: LayerState = { wanted: 'auto', shown: 'high', limited: false };
  readonly choices: unknown[] = [];
  /** For GET /ping, which is not kept among the requests. */
  ping: number | 'down' = 204;

  readonly fetch: Fetch = async (url, init) => {
    const method = init.method ?? 'GET';
    if (url === '/ping') {
      if (this.ping === 'down') throw new TypeError('network');
      return new Response(null, { status: this.ping });
    }
    this.requests.push({ method, url });
    if (url.endsWith('/layer')) {
      if (method === 'POST') this.choices.push(JSON.parse(String(init.body)));
      return Response.json(this.layer);
    }
    if (method === 'DELETE') return new Response(null, { status: 200 });
    const script = method === 'POST' ? this.post : this.patch;
    const status = script.length > 1 ? script.shift()! : script[0]!;
    if (status === 'down') throw new TypeError('network');
    const headers: Record<string, string> = {
      ETag: '"1"',
      Location: url.replace(/(\?|$)/, `/session-${this.requests.length}$1`),
    };
    if (status === 409) headers['Retry-After'] = '1';
    return new Response(answerSDP, { status, headers });
  };

  count(method: string): number {
    return this.requests.filter((request) => request.method === method).length;
  }
}
