/**
 * Receives a live lecture by WebRTC (WHEP, the receiving counterpart of RFC 9725) and keeps receiving it: a lost network, a restarted
 * server or a presenter who comes back are healed without the page's help.
 */
import { exchangeLayer, soundOnly, type LayerChoice, type LayerState } from './layer';
import { Pulse } from './pulse';
import { activePair, end, entries, figure, open, Rates, Refused, retryPause, type Fetch, type Opened, type Peer } from './rtc';

const pause = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

/**
 * connecting: a session is being opened. waiting: the lecture is not on air for us yet, asking again every second.
 * playing: media arrives. reconnecting: it did, and will again. refused: asking again cannot help. closed: stopped by the page.
 */
export type SubscriberState = 'idle' | 'connecting' | 'waiting' | 'playing' | 'reconnecting' | 'refused' | 'closed';

/** What arrives on this device, once a second. */
export interface ReceiveStats {
  kbps: number;
  /** Share of packets lost since the last figures that did not come later either, 0 to 1. */
  loss: number;
  /** How often pictures' packets were asked for again since the last figures. */
  asked: number;
  rttMs: number;
  /** How long media waits here before it is shown. */
  bufferMs: number;
  width: number;
  height: number;
  fps: number;
  framesDecoded: number;
  /** Seconds of frozen picture since the start. */
  freezeS: number;
}

export interface SubscriberOptions {
  url: string;
  onstate: (state: SubscriberState, why?: Refused) => void;
  /**
   * New streams, again after each reconnection: camera and sound for the <video>, and the screen, in which something comes only while
   * one is shared.
   */
  onstream: (stream: MediaStream, screen: MediaStream) => void;
  onstats?: (stats: ReceiveStats) => void;
  /** The server says what was chosen and is shown: after a choice, and when the picture ceases or is back while the sound goes on. */
  onlayer?: (state: LayerState) => void;
  /** WebRTC did not get through `failures` times in a row although the server answered: time for HLS. */
  onblocked?: (failures: number) => void;
  /** Whether the presenter is sending. Without it silence is nobody's fault and no reason to reconnect. */
  expectMedia?: () => boolean;
  /** Shared by all of the page that talks to the server. */
  pulse?: Pulse;
  /** Ways round networks that block UDP. They are used once the direct way has failed: few need them, and each costs the server. */
  iceServers?: () => Promise<RTCIceServer[]>;
  /** For tests. */
  newPeer?: (configuration: RTCConfiguration) => Peer;
  newStream?: () => MediaStream;
  fetch?: Fetch;
  random?: () => number;
}

/** Failures in a row after which a page should use HLS. */
export const failuresBeforeHLS = 3;

/** As many as the server sends at a time. */
const voices = 3;
const connectTimeout = 5_000;
/** Without one answer to a connectivity check after this long UDP does not get through; waiting longer only delays HLS. */
const pathTimeout = 2_500;
const tick = 500;
/**
 * Nothing arrives for this long, although the presenter sends fifty packets of sound a second: the line is dead. The server tells within
 * 1.5 s that the presenter is gone, which is another matter.
 */
const deadLine = 2_000;
/** The same when something else has failed already, such as the socket. */
const suspiciousSilence = 400;
const glance = 100;
/** What the line is given to come back by itself once the server can be reached: a hole in the network needs no more. */
const grace = 250;
/** The line lives but media is missing for this long, although the presenter sends: start over, spread so that a room does not do it at once. */
const deadMedia = 8_000;
/** No picture for this long while there is sound: the server is asked whether that is meant, and again as often while it is. */
const pictureMissed = 1_000;

export class Subscriber {
  state: SubscriberState = 'idle';
  /** Milliseconds from `start` to the first decoded picture, once there was one. */
  firstFrameMs: number | undefined;
  /** As the server said it last; undefined until it was asked. */
  layer: LayerState | undefined;
  private choice: LayerChoice = 'auto';
  private layerAt = 0;
  private readonly options: SubscriberOptions;
  private readonly get: Fetch;
  private readonly pulse: Pulse;
  private peer: Peer | undefined;
  private session: Opened | undefined;
  private rates = new Rates();
  private tries = 0;
  private failures = 0;
  /** The direct way has failed here: it is not tried alone again. */
  private detour = false;
  private startedAt = 0;
  private mediaAt = 0;
  private answeredAt = 0;
  private framesAt = 0;
  private audioAt = 0;
  private hasVideo = false;
  private hasPath = false;
  private readAt = 0;
  private patience = deadMedia;
  private suspectUntil = 0;
  /** A session is being opened, or was a moment ago: there is nothing to hasten. */
  private openingAt: number | undefined;
  private attempt = 0;
  /** Rises with every call of measure, so that one loop runs. */
  private turn = 0;
  private timers: ReturnType<typeof setTimeout>[] = [];

  constructor(options: SubscriberOptions) {
    this.options = options;
    this.get = options.fetch ?? ((input, init) => fetch(input, init));
    this.pulse = options.pulse ?? new Pulse(options);
  }

  start(): void {
    this.startedAt = performance.now();
    this.firstFrameMs = undefined;
    this.tries = 0;
    this.failures = 0;
    this.enter('connecting');
    void this.connect();
  }

  /** Stops for good. */
  close(): void {
    this.enter('closed');
    this.drop();
  }

  /**
   * Chooses what is received, now and in the sessions to come. Resolves when the server has taken it: false when it could not be told,
   * which it is again with the next session.
   */
  async setLayer(choice: LayerChoice): Promise<boolean> {
    this.choice = choice;
    return this.exchange(choice);
  }

  /** Something suggests that the line or the presenter is back: tries at once instead of at the next turn. */
  nudge(): void {
    this.pulse.nudge();
    if (this.openingAt !== undefined && performance.now() - this.openingAt < connectTimeout) return;
    if (this.state === 'waiting') void this.connect();
    else if (this.state === 'playing' && !this.alive()) this.suspect();
  }

  /** Something else of the server has failed, such as the socket: looks closely for a while whether media still arrives. */
  suspect(): void {
    if (!this.session) return;
    this.suspectUntil = performance.now() + 3_000;
    void this.measure();
  }

  /**
   * Whether pictures were really decoded within the last second (sound, if the lecture has no picture or sound alone is meant). A
   * frozen picture is not being watched, and a video element's clock alone does not tell.
   */
  alive(): boolean {
    const fresh = performance.now() - (this.hasVideo && !soundOnly(this.layer) ? this.framesAt : this.audioAt);
    return this.state === 'playing' && fresh < 2 * tick + 250;
  }

  private enter(state: SubscriberState, why?: Refused): void {
    if (this.state === state || (this.state === 'closed' && state !== 'connecting')) return;
    this.state = state;
    this.options.onstate(state, why);
  }

  private drop(): void {
    this.attempt++;
    this.timers.forEach(clearTimeout);
    this.timers = [];
    if (this.peer) this.peer.ontrack = this.peer.onconnectionstatechange = null;
    end(this.get, this.session, this.peer);
    this.session = undefined;
    this.peer = undefined;
    this.layer = undefined;
    this.openingAt = undefined;
  }

  private after(ms: number, run: () => void): void {
    const attempt = this.attempt;
    this.timers.push(setTimeout(() => attempt === this.attempt && run(), ms));
  }

  private async connect(): Promise<void> {
    this.drop();
    const attempt = this.attempt;
    const since = (this.openingAt = performance.now());
    this.detour ||= this.failures > 0;
    const iceServers = this.detour && this.options.iceServers ? await this.options.iceServers() : [];
    if (attempt !== this.attempt) return;
    const peer = (this.options.newPeer ?? ((wanted) => new RTCPeerConnection(wanted)))({
      bundlePolicy: 'max-bundle',
      iceServers,
    });
    this.peer = peer;
    this.rates = new Rates();
    this.hasVideo = false;
    this.hasPath = false;
    const newStream = this.options.newStream ?? (() => new MediaStream());
    const [stream, screen] = [newStream(), newStream()];
    try {
      peer.addTransceiver('video', { direction: 'recvonly' });
      // Up to three people speak at a time, each in a stream of their own; a browser plays them as one.
      for (let voice = 0; voice < voices; voice++) peer.addTransceiver('audio', { direction: 'recvonly' });
      const second = peer.addTransceiver('video', { direction: 'recvonly' });
      peer.ontrack = (event) => (event.transceiver === second ? screen : stream).addTrack(event.track);
      await peer.setLocalDescription(await peer.createOffer());
      // The server is ICE-lite and learns our addresses from the checks we send, so there is no need to gather first.
      const session = await open(this.get, this.options.url, peer.localDescription?.sdp ?? '');
      if (attempt !== this.attempt) return end(this.get, session, peer);
      this.session = session;
      if (this.choice !== 'auto') void this.exchange(this.choice);
      this.mediaAt = this.answeredAt = performance.now();
      peer.onconnectionstatechange = () => this.changed();
      await peer.setRemoteDescription({ type: 'answer', sdp: session.answer });
      // Picture and sound together: a browser that wants a tap before sound has to say so at once.
      if (attempt === this.attempt) this.options.onstream(stream, screen);
      this.after(pathTimeout, () => !this.hasPath && this.blocked());
      this.after(connectTimeout, () => this.overdue());
      void this.measure();
    } catch (error) {
      if (attempt === this.attempt) this.failed(error, performance.now() - since);
    }
  }

  /** `took` is how long the server let us wait for that. */
  private failed(error: unknown, took: number): void {
    if (!(error instanceof Refused)) return this.blocked();
    if (error.status === 409) {
      // On the air again any moment: ask at the pace the server wishes.
      this.failures = 0;
      this.drop();
      this.enter('waiting');
      return this.after(this.spread(Math.max(50, (error.waitMs ?? 1_000) - took)), () => void this.connect());
    }
    if (error.final) {
      this.drop();
      return this.enter('refused', error);
    }
    // Without any answer HLS would not get through either; with one, it might.
    if (!error.unreached && error.status !== 429) return this.blocked(error.waitMs);
    this.again(error.waitMs);
  }

  private async whenReached(): Promise<void> {
    const attempt = this.attempt;
    await this.pulse.back();
    if (attempt === this.attempt) void this.connect();
  }

  private overdue(): void {
    if (this.state === 'playing') return;
    // The line stands; what is missing is the presenter.
    const idle = this.peer?.connectionState === 'connected' && this.options.expectMedia?.() === false;
    if (idle) this.after(connectTimeout, () => this.overdue());
    else this.blocked();
  }

  /** The server answers, but media does not get through. */
  private blocked(waitMs?: number): void {
    this.failures++;
    this.again(waitMs);
    if (this.failures >= failuresBeforeHLS) this.options.onblocked?.(this.failures);
  }

  private again(waitMs?: number): void {
    this.drop();
    if (this.state === 'closed') return;
    if (this.state === 'playing') this.enter('reconnecting');
    this.after(
      waitMs === undefined ? retryPause(this.tries++, this.options.random) : this.spread(waitMs),
      () => void this.whenReached(),
    );
  }

  /**
   * Nothing arrives. The line is kept, because after a hole in the network it goes on by itself; when the server can be reached and it
   * still does not, there is a new session.
   */
  private heal(): void {
    this.suspectUntil = 0;
    this.enter('reconnecting');
    void this.measure();
    void this.reach();
  }

  private async reach(): Promise<void> {
    const attempt = this.attempt;
    await this.pulse.back();
    await pause(grace);
    if (attempt === this.attempt && this.state === 'reconnecting') void this.connect();
  }

  /** Between 80 and 100 % of a pause, so that a room full of attendees does not ask in one instant. */
  private spread(ms: number): number {
    return ms * (1 - (this.options.random ?? Math.random)() / 5);
  }

  private changed(): void {
    const state = this.peer?.connectionState;
    if (state === 'disconnected') return this.suspect();
    if (state !== 'failed' && state !== 'closed') return;
    if (this.state !== 'playing') return this.blocked();
    this.drop();
    this.enter('reconnecting');
    void this.whenReached();
  }

  /** Looks what arrives, now and from then on: often until it plays and while something is suspicious. */
  private async measure(): Promise<void> {
    const { peer, attempt } = this;
    const turn = ++this.turn;
    const mine = () => turn === this.turn && attempt === this.attempt;
    while (peer && mine()) {
      const stats = entries(await peer.getStats());
      if (!mine()) return;
      const now = performance.now();
      this.read(stats, now);
      if ((this.state === 'playing' || now < this.suspectUntil) && this.dead(now)) return this.heal();
      await pause(this.state === 'playing' && now > this.suspectUntil ? tick : glance);
    }
  }

  private dead(now: number): boolean {
    if (this.options.expectMedia && !this.options.expectMedia()) {
      this.mediaAt = now;
      return false;
    }
    const silent = now - this.mediaAt;
    // The server answers our checks, so it is the media that is missing. Figures are up to 100 ms old, so a little later is not later.
    const line = this.answeredAt - this.mediaAt > suspiciousSilence / 2;
    return silent > (line ? this.patience : now < this.suspectUntil ? suspiciousSilence : deadLine);
  }

  private async exchange(choice?: LayerChoice): Promise<boolean> {
    const { session, attempt } = this;
    if (!session) return false;
    this.layerAt = performance.now();
    const state = await exchangeLayer(this.get, session, choice);
    if (!state || attempt !== this.attempt) return false;
    this.layer = state;
    this.options.onlayer?.(state);
    return true;
  }

  /** Sound without a picture, or a picture where none was meant: the server knows why. */
  private wonder(now: number): void {
    const missed = this.hasVideo && now - this.framesAt > pictureMissed && now - this.audioAt < pictureMissed;
    const back = soundOnly(this.layer) && now - this.framesAt < tick;
    if (this.state === 'playing' && (missed || back) && now - this.layerAt > pictureMissed) void this.exchange();
  }

  private read(stats: ReturnType<typeof entries>, now: number): void {
    const pair = activePair(stats);
    const inbound = stats.filter((stat) => stat.type === 'inbound-rtp');
    // A screen is the larger picture. What was decoded is counted over both: whoever sees one of them sees the lecture.
    const pictures = inbound.filter((stat) => stat['kind'] === 'video' && figure(stat, 'bytesReceived') > 0);
    const video = pictures.sort((a, b) => figure(b, 'frameHeight') - figure(a, 'frameHeight'))[0];
    const decoded = pictures.reduce((sum, stat) => sum + figure(stat, 'framesDecoded'), 0);
    const audio = inbound.find((stat) => stat['kind'] === 'audio');
    const bytes = inbound.reduce((sum, stat) => sum + figure(stat, 'bytesReceived'), 0);
    this.hasVideo ||= Boolean(video);
    this.hasPath ||= Boolean(pair);
    const arriving = this.rates.growth('media', bytes) > 0;
    const decoding = this.rates.growth('frames', decoded) > 0;
    if (arriving) this.mediaAt = now;
    if (this.rates.growth('answers', figure(pair, 'responsesReceived')) > 0) this.answeredAt = now;
    if (decoding) this.framesAt = now;
    if (this.rates.growth('audio', figure(audio, 'packetsReceived')) > 0) this.audioAt = now;
    const shown = this.hasVideo ? decoding : arriving && now - this.startedAt > 2_000;
    if (shown) {
      this.firstFrameMs ??= now - this.startedAt;
      this.started(now);
    }
    this.wonder(now);
    if (now - this.readAt >= 2 * tick - 50) this.report(inbound, video, pair, now);
  }

  private started(now: number): void {
    if (this.state === 'playing') return;
    this.timers.forEach(clearTimeout); // the one that gives a session up that never plays
    this.tries = 0;
    this.failures = 0;
    this.mediaAt = this.answeredAt = this.framesAt = this.audioAt = now;
    this.patience = this.spread(2 * deadMedia) - deadMedia / 2;
    this.enter('playing');
  }

  private report(
    inbound: ReturnType<typeof entries>,
    video: (typeof inbound)[number] | undefined,
    pair: (typeof inbound)[number] | undefined,
    now: number,
  ): void {
    this.readAt = now;
    const sum = (name: string) => inbound.reduce((total, stat) => total + figure(stat, name), 0);
    // What comes in the stream of retransmissions counts as lost in its own: on some lines the server sends nearly all there.
    const missing = inbound.reduce(
      (total, stat) => total + Math.max(0, figure(stat, 'packetsLost') - figure(stat, 'retransmittedPacketsReceived')),
      0,
    );
    const lost = this.rates.growth('lost', missing);
    const received = this.rates.growth('received', sum('packetsReceived'));
    const emitted = this.rates.growth('emitted', figure(video, 'jitterBufferEmittedCount'));
    const delay = this.rates.growth('delay', figure(video, 'jitterBufferDelay'));
    this.options.onstats?.({
      kbps: (this.rates.perSecond('bytes', sum('bytesReceived'), now) * 8) / 1000,
      loss: lost + received > 0 ? lost / (lost + received) : 0,
      asked: this.rates.growth('asked', sum('nackCount')),
      rttMs: 1000 * figure(pair, 'currentRoundTripTime'),
      bufferMs: emitted > 0 ? (1000 * delay) / emitted : 0,
      width: figure(video, 'frameWidth'),
      height: figure(video, 'frameHeight'),
      fps: figure(video, 'framesPerSecond'),
      framesDecoded: figure(video, 'framesDecoded'),
      freezeS: figure(video, 'totalFreezesDuration'),
    });
  }
}
