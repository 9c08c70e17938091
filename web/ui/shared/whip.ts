/**
 * Publishes a camera and a microphone (WHIP, RFC 9725) and keeps them published: a lost network or a restarted server is
 * healed without the page's help. The page gives tracks and hears states.
 */
import { Pulse } from './pulse';
import {
  activePair,
  end,
  endSource,
  entries,
  figure,
  fragmentOf,
  open,
  Rates,
  Refused,
  restart,
  retryPause,
  withFragment,
  type Fetch,
  type Opened,
  type Peer,
} from './rtc';

/**
 * connecting: the first try is under way. connected: media flows. reconnecting: it did, and will again.
 * taken: another window or device publishes this lecture now; `start` takes it back. refused: asking again cannot help.
 */
export type PublisherState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'taken' | 'refused' | 'closed';

/** What leaves this computer. */
export interface SendStats {
  kbps: number;
  /** Share of packets the server missed, 0 to 1. */
  loss: number;
  /** Round trip in ms; 0 until the first report came back. */
  rttMs: number;
  /** What the browser believes the line can carry, in kbit/s; 0 if it does not say. */
  roomKbps: number;
  audioKbps: number;
  path: 'udp' | 'tcp' | '';
  layers: { rid: string; width: number; height: number; fps: number; kbps: number }[];
  /** The browser holds the picture back: 'cpu', 'bandwidth', or '' when it does not. */
  limit: 'cpu' | 'bandwidth' | '';
}

export interface PublisherOptions {
  url: string;
  onstate: (state: PublisherState, why?: Refused) => void;
  onstats?: (stats: SendStats) => void;
  /** Asked when the server no longer knows our session: does somebody else publish? */
  occupied?: () => Promise<boolean>;
  /** Shared by all of the page that talks to the server. */
  pulse?: Pulse;
  /** Ways round networks that block UDP; the browser takes them only where the direct way fails. */
  iceServers?: () => Promise<RTCIceServer[]>;
  /** For tests. */
  newPeer?: (configuration: RTCConfiguration) => Peer;
  fetch?: Fetch;
  random?: () => number;
}

/** The three sizes of one picture (design: media.md): enough for a phone on 2G data, a window, and a full screen. */
export const layers: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

/** A screen has the same three, with more for the full size, because small print is what it is shared for. */
const screenLayers: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 600_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
];

/** Upload that all three sizes and the sound need, in kbit/s. */
export const neededKbps = 2_450;

const connectTimeout = 6_000;
const tick = 500;
/** The server reports ten times a second; this long without a byte from it means that the line is dead. */
const silence = 1_000;
/** The same when something else has failed already. */
const suspiciousSilence = 400;
const glance = 100;
/** What the line is given to come back by itself once the server can be reached: a hole in the network needs no more. */
const grace = 100;

export class Publisher {
  state: PublisherState = 'idle';
  private readonly options: PublisherOptions;
  private readonly get: Fetch;
  private readonly pulse: Pulse;
  private peer: Peer | undefined;
  private session: Opened | undefined;
  private senders = new Map<string, RTCRtpSender>();
  /** By kind, and the shared one as 'screen'. */
  private tracks = new Map<string, MediaStreamTrack>();
  /** The section of the screen, which figures of the camera leave out. */
  private screen: RTCRtpTransceiver | undefined;
  private rates = new Rates();
  private tries = 0;
  private heardAt = 0;
  private suspectUntil = 0;
  /** Rises with every attempt; what an older attempt still says is ignored. */
  private attempt = 0;
  private timers: ReturnType<typeof setTimeout>[] = [];
  /** Rises with every call of measure, so that one loop runs. */
  private turn = 0;
  private toldAt = 0;

  constructor(options: PublisherOptions) {
    this.options = options;
    this.get = options.fetch ?? ((input, init) => fetch(input, init));
    this.pulse = options.pulse ?? new Pulse(options);
  }

  /** Publishes these tracks, or the ones given before. Also takes the lecture back after `taken`. */
  start(tracks: MediaStreamTrack[] = []): void {
    for (const track of tracks) this.tracks.set(track.kind, track);
    this.tries = 0;
    this.enter('connecting');
    void this.connect();
  }

  /** Sends another device's track from now on, without a new session. */
  async replace(track: MediaStreamTrack): Promise<void> {
    this.tracks.set(track.kind, track);
    await this.senders.get(track.kind)?.replaceTrack(track);
  }

  /**
   * Shows a screen besides the camera, or with undefined no longer. Its section is part of every session, so nothing is negotiated: the
   * server sees the first packet, and is told of the end.
   */
  async share(track: MediaStreamTrack | undefined): Promise<void> {
    if (track) this.tracks.set('screen', track);
    else this.tracks.delete('screen');
    await this.senders.get('screen')?.replaceTrack(track ?? null);
    if (!track) endSource(this.get, this.session, 'screen');
  }

  /** Something else of the server has failed, such as the socket: looks closely for a while whether we are still heard. */
  suspect(): void {
    if (this.state !== 'connected') return;
    this.suspectUntil = performance.now() + 3_000;
    void this.measure();
  }

  /** The computer is online again, or the socket is back: what waits goes on at once. */
  nudge(): void {
    this.pulse.nudge();
    this.suspect();
  }

  /** Stops for good. */
  close(): void {
    this.enter('closed');
    this.drop();
  }

  private enter(state: PublisherState, why?: Refused): void {
    if (this.state === state || (this.state === 'closed' && state !== 'connecting')) return;
    this.state = state;
    this.options.onstate(state, why);
  }

  private drop(): void {
    this.attempt++;
    this.timers.forEach(clearTimeout);
    this.timers = [];
    if (this.peer) this.peer.onconnectionstatechange = null;
    end(this.get, this.session, this.peer);
    this.session = undefined;
    this.peer = undefined;
  }

  private after(ms: number, run: () => void): void {
    const attempt = this.attempt;
    this.timers.push(setTimeout(() => attempt === this.attempt && run(), ms));
  }

  private async connect(): Promise<void> {
    this.drop();
    const attempt = this.attempt;
    const iceServers = this.options.iceServers ? await this.options.iceServers() : [];
    if (attempt !== this.attempt) return;
    const peer = (this.options.newPeer ?? ((wanted) => new RTCPeerConnection(wanted)))({
      bundlePolicy: 'max-bundle',
      iceServers,
    });
    this.peer = peer;
    this.rates = new Rates();
    try {
      this.addTracks(peer);
      await peer.setLocalDescription(await peer.createOffer());
      const session = await open(this.get, this.options.url, peer.localDescription?.sdp ?? '');
      if (attempt !== this.attempt) return end(this.get, session, peer);
      this.session = session;
      peer.onconnectionstatechange = () => this.changed();
      await peer.setRemoteDescription({ type: 'answer', sdp: session.answer });
      for (const name of ['video', 'screen']) {
        const sender = this.senders.get(name);
        await sender?.setParameters?.(keepSize(sender.getParameters()));
      }
      this.after(connectTimeout, () => this.state !== 'connected' && this.again());
      this.changed();
    } catch (error) {
      if (attempt !== this.attempt) return;
      if (error instanceof Refused && error.final) {
        this.drop();
        return this.enter('refused', error);
      }
      this.again(error instanceof Refused ? error.waitMs : undefined);
    }
  }

  private addTracks(peer: Peer): void {
    this.senders.clear();
    const audio = this.tracks.get('audio');
    const picture = (name: string, encodings: readonly RTCRtpEncodingParameters[]) => {
      const transceiver = peer.addTransceiver(this.tracks.get(name) ?? 'video', {
        direction: 'sendonly',
        sendEncodings: encodings.map((layer) => ({ ...layer })),
      });
      preferH264(transceiver);
      this.senders.set(name, transceiver.sender);
      return transceiver;
    };
    // The server tells the two by their order.
    picture('video', layers);
    if (audio) this.senders.set('audio', peer.addTransceiver(audio, { direction: 'sendonly' }).sender);
    this.screen = picture('screen', screenLayers);
  }

  private changed(): void {
    switch (this.peer?.connectionState) {
      case 'connected':
        if (this.state !== 'connected') this.connected();
        break;
      case 'disconnected':
      case 'failed':
      case 'closed':
        if (this.state === 'connected') this.heal();
        else if (this.state === 'connecting') this.again();
        break;
    }
  }

  private connected(): void {
    this.tries = 0;
    this.timers.forEach(clearTimeout); // the one that gives a session up that never connects
    this.heardAt = performance.now();
    this.enter('connected');
    void this.measure();
  }

  /**
   * The line is silent. It is kept, because after a hole in the network it goes on by itself. Meanwhile we ask whether the server can be
   * reached at all; if it can and still does not hear us, an ICE restart keeps the session, and failing that there is a new one.
   */
  private heal(): void {
    if (this.state !== 'connected') return;
    this.enter('reconnecting');
    void this.revive();
    void this.reach().catch((error: unknown) => this.lost(error));
  }

  private async revive(): Promise<void> {
    const { attempt, peer, heardAt } = this;
    while (attempt === this.attempt && this.state === 'reconnecting') {
      await this.listen();
      if (attempt !== this.attempt || this.state !== 'reconnecting') return;
      const alive = peer?.connectionState !== 'failed' && peer?.connectionState !== 'closed';
      if (alive && this.heardAt > heardAt) return this.connected();
      await pause(glance);
    }
  }

  private async reach(): Promise<void> {
    const attempt = this.attempt;
    const healing = () => attempt === this.attempt && this.state === 'reconnecting';
    await this.pulse.back();
    const over = this.peer?.connectionState === 'failed' || this.peer?.connectionState === 'closed';
    if (!over) await pause(grace);
    if (!healing()) return;
    await this.restartICE();
    await pause(1_500); // connectionState may never have left "connected": being heard again is what ends the healing
    if (healing()) await this.lost();
  }

  private async restartICE(): Promise<void> {
    const { peer, session } = this;
    const attempt = this.attempt;
    if (!peer || !session) throw new Refused(0);
    // What the peer was made with has expired by now.
    const iceServers = this.options.iceServers ? await this.options.iceServers() : [];
    if (attempt !== this.attempt) return;
    if (iceServers.length > 0) peer.setConfiguration?.({ bundlePolicy: 'max-bundle', iceServers });
    // A peer that the server has closed makes no offers any more; the PATCH then only asks whether the session still lives.
    const offer = await peer.createOffer({ iceRestart: true }).catch(() => undefined);
    if (offer) await peer.setLocalDescription(offer);
    const said = await restart(this.get, session, fragmentOf(peer.localDescription?.sdp ?? ''));
    if (attempt !== this.attempt) return;
    session.etag = said.etag;
    session.answer = withFragment(session.answer, said.fragment);
    await peer.setRemoteDescription({ type: 'answer', sdp: session.answer });
  }

  /**
   * The session could not be saved. When the server has closed it and hears somebody else, that is on purpose: the presenter
   * opened another window. Taking it back by ourselves would make the two fight for ever.
   */
  private async lost(error?: unknown): Promise<void> {
    const attempt = this.attempt;
    const closed = error instanceof Refused && error.status === 404;
    const taken = closed && (await this.options.occupied?.().catch(() => false));
    if (attempt !== this.attempt || this.state === 'connected') return;
    if (closed) this.session = undefined;
    if (taken) {
      this.drop();
      return this.enter('taken');
    }
    if (closed) void this.connect();
    else this.again();
  }

  /** Another session: after a pause, and when the server can be reached. */
  private again(waitMs?: number): void {
    this.drop();
    if (this.state === 'closed') return;
    if (this.state === 'connected') this.enter('reconnecting');
    this.after(waitMs ?? retryPause(this.tries++, this.options.random), () => void this.whenReached());
  }

  private async whenReached(): Promise<void> {
    const attempt = this.attempt;
    await this.pulse.back();
    if (attempt === this.attempt) void this.connect();
  }

  /** Looks whether we are heard, now and from then on: often while something is suspicious. */
  private async measure(): Promise<void> {
    const turn = ++this.turn;
    while (turn === this.turn && this.state === 'connected') {
      await this.listen();
      if (turn !== this.turn || this.state !== 'connected') return;
      const now = performance.now();
      const suspicious = now < this.suspectUntil;
      if (now - this.heardAt > (suspicious ? suspiciousSilence : silence)) return this.heal();
      // The first look that hears nothing may come late: from then on each tenth of a second counts.
      await pause(suspicious || now - this.heardAt > glance ? glance : tick);
    }
  }

  /** Reads the figures once; notes when the server was heard last, and hands them out once a second. */
  private async listen(): Promise<void> {
    const { peer } = this;
    if (!peer) return;
    const stats = entries(await peer.getStats());
    const pair = activePair(stats);
    const now = performance.now();
    const heard = figure(pair, 'bytesReceived') + figure(pair, 'responsesReceived');
    if (this.rates.growth('heard', heard) > 0) this.heardAt = now;
    if (now - this.toldAt < 2 * tick - 50) return;
    this.toldAt = now;
    this.options.onstats?.(this.read(stats, now));
  }

  private read(stats: ReturnType<typeof entries>, now: number): SendStats {
    const pair = activePair(stats);
    const out = stats.filter((stat) => stat.type === 'outbound-rtp');
    const back = stats.filter((stat) => stat.type === 'remote-inbound-rtp');
    const kbps = (name: string, bytes: number) => (this.rates.perSecond(name, bytes, now) * 8) / 1000;
    const rate = (stat: (typeof out)[number]) => kbps(stat.id, figure(stat, 'bytesSent'));
    const pictures = out.filter((stat) => stat['kind'] === 'video').map((stat) => ({ stat, kbps: rate(stat) }));
    const screen = this.screen?.mid ?? undefined;
    const video = pictures.filter(({ stat }) => screen === undefined || stat['mid'] !== screen);
    const audioKbps = out.filter((stat) => stat['kind'] === 'audio').reduce((sum, stat) => sum + rate(stat), 0);
    const local = stats.find((stat) => stat.id === pair?.['localCandidateId']);
    const limits = video.map(({ stat }) => stat['qualityLimitationReason']);
    return {
      kbps: audioKbps + pictures.reduce((sum, layer) => sum + layer.kbps, 0),
      loss: Math.max(0, ...back.map((stat) => figure(stat, 'fractionLost'))),
      rttMs: 1000 * (figure(pair, 'currentRoundTripTime') || Math.max(0, ...back.map((stat) => figure(stat, 'roundTripTime')))),
      roomKbps: figure(pair, 'availableOutgoingBitrate') / 1000,
      audioKbps,
      path: local?.['protocol'] === 'tcp' ? 'tcp' : local ? 'udp' : '',
      layers: video
        .filter((layer) => layer.kbps > 0)
        .map(({ stat, kbps }) => ({
          rid: String(stat['rid'] ?? ''),
          width: figure(stat, 'frameWidth'),
          height: figure(stat, 'frameHeight'),
          fps: figure(stat, 'framesPerSecond'),
          kbps,
        }))
        .sort((a, b) => b.height - a.height),
      limit: limits.includes('bandwidth') ? 'bandwidth' : limits.includes('cpu') ? 'cpu' : '',
    };
  }
}

const pause = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

/**
 * A busy computer sends fewer pictures a second, not smaller ones: slides stay readable, and the recording keeps its three sizes. What
 * TypeScript's library does not list yet, browsers ignore if they do not know it.
 */
function keepSize(parameters: RTCRtpSendParameters): RTCRtpSendParameters {
  return { ...parameters, degradationPreference: 'maintain-resolution' } as RTCRtpSendParameters;
}

/**
 * H.264 first, because the recording and every attendee can use it as it is; only packetization-mode=1, baseline before the
 * other profiles. VP8 is left for computers without an encoder.
 */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const all = typeof RTCRtpSender === 'undefined' ? undefined : RTCRtpSender.getCapabilities?.('video')?.codecs;
  if (!all || typeof transceiver.setCodecPreferences !== 'function') return;
  transceiver.setCodecPreferences(orderCodecs(all));
}

/** The codecs in the order in which they are offered; what the server cannot forward or record is left out. */
export function orderCodecs<C extends { mimeType: string; sdpFmtpLine?: string }>(codecs: readonly C[]): C[] {
  const rank = (codec: C): number => {
    const kind = codec.mimeType.toLowerCase();
    const line = codec.sdpFmtpLine ?? '';
    if (kind === 'video/h264') return /packetization-mode=1/.test(line) ? (/profile-level-id=42e0/i.test(line) ? 0 : 1) : -1;
    if (kind === 'video/vp8') return 2;
    return kind === 'video/rtx' ? 3 : -1;
  };
  return codecs
    .map((codec, at) => ({ codec, rank: rank(codec), at }))
    .filter((item) => item.rank >= 0)
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map((item) => item.codec);
}
