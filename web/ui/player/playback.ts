/**
 * Decides how a lecture is played and drives the one <video>: WebRTC at the live edge, HLS behind it, after it and where WebRTC does not get
 * through. Plain TypeScript: the page draws what `view` says.
 */
import type { Provenance, Resume } from '../shared/api';
import { Timeline, type BroadcastState } from '../shared/timeline';
import type { Pulse } from '../shared/pulse';
import { Subscriber, type ReceiveStats, type SubscriberOptions } from '../shared/whep';
import { Edits } from './edits';
import { openHLS, type HLSOptions, type HLSPlayback, type Quality } from './hls';
import { Meter } from './meter';

export type Transport = '' | 'webrtc' | 'hls';

/**
 * waiting: not on air yet. ended: the live picture stopped because the lecture is over, or the recording was played to its end.
 * buffering and reconnecting heal by themselves.
 */
export type PlayState = 'waiting' | 'connecting' | 'playing' | 'paused' | 'buffering' | 'reconnecting' | 'ended' | 'refused';

export type Connection = 'connecting' | 'good' | 'weak' | 'reconnecting';

/** What the page draws. Times are ms of the session timeline. */
export interface View {
  mode: Resume['mode'];
  transport: Transport;
  state: PlayState;
  /** At the live edge. */
  following: boolean;
  position: number;
  /** Where the lecture has got to; after the end, its length. */
  edge: number;
  muted: boolean;
  volume: number;
  rate: number;
  /** The browser wants a tap before it plays sound (or, in a replay, anything). */
  blocked: '' | 'sound' | 'play';
  connection: Connection;
  presenterGone: boolean;
  /** A screen is shown besides the camera. In the recording it is the picture. */
  sharing: boolean;
  qualities: Quality[];
  /** -1 is automatic. */
  quality: number;
  /** Height of the picture now, 0 when unknown. */
  height: number;
  /** There is sound alone because the line is too slow for a picture. */
  slow: boolean;
  firstFrameMs: number | undefined;
}

export interface PlaybackOptions {
  video: HTMLVideoElement;
  whep: string;
  /** Ways round networks that block UDP. */
  iceServers?: () => Promise<RTCIceServer[]>;
  onview: (view: View) => void;
  /** A good moment to report: paused, sought, speed changed, ended. */
  onbreak: () => void;
  /** The live lecture has just ended, or goes on: the page reads the resume answer again. */
  onmode: (mode: Resume['mode']) => void;
  /** The stream of the shared screen, for a second <video>; undefined when there is none. */
  onscreen?: (screen: MediaStream | undefined) => void;
  pulse?: Pulse;
  now?: () => number;
  newSubscriber?: (options: SubscriberOptions) => Subscriber;
  openHLS?: (video: HTMLVideoElement, options: HLSOptions) => Promise<HLSPlayback>;
}

/** Nearer to the edge than this is following it. HLS itself is about ten seconds behind. */
const followingMS = 25_000;
/** Within this of the edge watching counts as live (lms.md 1.6). */
const liveMS = 60_000;
/** After a pause this short the live picture goes on at the edge, after a longer one where it was left. */
const shortPauseMS = 8_000;

export class Playback {
  readonly meter = new Meter();
  view: View = {
    mode: 'none',
    transport: '',
    state: 'waiting',
    following: true,
    position: 0,
    edge: 0,
    muted: false,
    volume: 1,
    rate: 1,
    blocked: '',
    connection: 'connecting',
    presenterGone: false,
    sharing: false,
    qualities: [],
    quality: -1,
    height: 0,
    slow: false,
    firstFrameMs: undefined,
  };
  private readonly options: PlaybackOptions;
  private readonly video: HTMLVideoElement;
  private readonly timeline: Timeline;
  private readonly now: () => number;
  private edits = new Edits(null, true);
  private playlist = '';
  private subscriber: Subscriber | undefined;
  private hls: HLSPlayback | undefined;
  /** Rises when another transport is opened; what an older one still says is ignored. */
  private turn = 0;
  private webrtcBlocked = false;
  private intent: 'play' | 'pause' = 'play';
  private pausedAt = 0;
  private chosen = -1;
  /** The playlist was opened at the live edge, not at a moment that somebody chose. */
  private atEdge = false;
  /** What is open lists the last minute only, and says itself what moment it shows. */
  private window = false;

  constructor(options: PlaybackOptions) {
    this.options = options;
    this.video = options.video;
    this.now = options.now ?? (() => performance.now());
    this.timeline = new Timeline(this.now);
    this.listen();
  }

  /** Starts as the server's resume answer says. */
  start(resume: Resume, broadcast: BroadcastState | null): void {
    if (broadcast) this.timeline.set(broadcast);
    this.update({ mode: resume.mode, position: resume.start_ms, ...this.presence(broadcast) });
    this.learn(resume);
    if (resume.mode === 'none') this.update({ state: 'waiting' });
    else if (resume.mode === 'live' && resume.reason === 'live_edge') this.live();
    else this.openAt(resume.start_ms);
  }

  /** Takes a newer edit list: a live recording grows, an ended one is final. */
  learn(resume: Pick<Resume, 'edits' | 'hls'>): void {
    this.edits = new Edits(resume.edits, this.view.mode === 'live');
    this.playlist = resume.hls;
  }

  /** The socket says how the broadcast stands. */
  broadcast(state: BroadcastState): void {
    this.timeline.set(state);
    this.update(this.presence(state));
    if (state.state === 'live' && this.view.mode !== 'live') this.wentLive();
    else if (state.state === 'ended' && this.view.mode === 'live') this.wentOff();
    if (state.state === 'live' && state.presenter === 'connected') this.subscriber?.nudge();
  }

  /** To the live edge. */
  live(): void {
    if (!this.timeline.live) return;
    this.intent = 'play';
    this.setRate(1);
    const edge = this.window && this.hls?.edge();
    if (!this.webrtcBlocked) this.openWebRTC();
    else if (edge) {
      this.video.currentTime = edge;
      void this.tryPlay();
    } else this.openAt(undefined);
  }

  play(): void {
    this.intent = 'play';
    if (this.view.transport === 'webrtc' || (this.view.mode === 'live' && this.view.transport === '')) {
      if (this.timeline.edge - this.pausedAt > shortPauseMS && this.view.state === 'paused') this.openAt(this.pausedAt);
      else this.live();
    } else if (this.window && (this.view.mode === 'replay' || this.behind() > shortPauseMS)) this.openAt(this.view.position);
    else if (this.view.transport === 'hls') void this.tryPlay();
    else if (this.view.mode === 'replay') this.openAt(this.view.position);
  }

  pause(): void {
    this.intent = 'pause';
    this.video.pause();
    if (this.view.transport === 'webrtc') {
      // Nothing is kept behind a live picture; what follows the pause comes from the recording.
      this.pausedAt = this.view.position;
      this.close();
      this.update({ state: 'paused', transport: 'webrtc', following: false });
      this.breaks();
    }
  }

  /** To a moment of the lecture; past the edge is the edge. */
  seek(ms: number): void {
    const to = Math.max(0, Math.min(ms, this.view.edge));
    this.breaks();
    if (this.view.mode === 'live' && to >= this.view.edge - 2_000) return this.live();
    if (this.view.transport === 'hls' && this.hls && !this.window) {
      this.atEdge = false;
      this.video.currentTime = this.edits.toRecording(to) / 1000;
      this.update({ position: to, following: false });
      if (this.view.state === 'ended') this.play();
    } else {
      this.intent = 'play';
      this.openAt(to);
    }
  }

  setRate(rate: number): void {
    if (rate === this.view.rate) return;
    this.breaks();
    this.video.defaultPlaybackRate = rate;
    this.video.playbackRate = rate;
    this.update({ rate });
    // The live edge is played at the rate that keeps us there; another one leaves it.
    if (this.window && rate !== 1) this.openAt(this.view.position);
  }

  setMuted(muted: boolean): void {
    this.video.muted = muted;
    this.update({ muted, blocked: this.view.blocked === 'sound' && !muted ? '' : this.view.blocked });
  }

  setVolume(volume: number): void {
    this.video.volume = volume;
    this.setMuted(volume === 0);
    this.update({ volume });
  }

  /** The tap that a browser asked for. */
  unblock(): void {
    this.setMuted(false);
    this.update({ blocked: '' });
    void this.tryPlay();
  }

  choose(quality: number): void {
    this.chosen = quality;
    this.hls?.choose(quality);
    this.update({ quality });
  }

  /** The network is back, the page is in view again: looks after the picture at once. */
  nudge(): void {
    this.subscriber?.nudge();
  }

  /** The page has lost something else of the server: looks closely whether the picture still comes. */
  suspect(): void {
    this.subscriber?.suspect();
  }

  /** Several times a second: reads the position and measures what is played. */
  tick(): void {
    const now = this.now();
    const edge = this.view.mode === 'replay' ? Math.max(this.edits.end, this.timeline.edge) : this.timeline.edge;
    if (this.view.transport === 'webrtc' && this.subscriber) {
      const moving = this.subscriber.alive() && !this.video.paused && this.intent === 'play';
      const position = moving ? this.timeline.edge : this.view.position;
      if (moving) this.meter.play(position, 'live', 1, now);
      else this.meter.cut();
      this.update({ edge, position, following: true });
    } else if (this.view.transport === 'hls' && this.hls && this.video.readyState > 0) {
      const at = this.window ? this.hls.place?.() : this.edits.toTimeline(this.video.currentTime * 1000);
      const position = Math.min(at ?? this.view.position, edge || Infinity);
      const moving = at !== undefined && !this.video.paused && !this.video.seeking && this.video.readyState >= 3;
      if (moving) this.meter.play(position, this.provenance(edge - position), this.video.playbackRate, now);
      else this.meter.cut();
      const following = this.view.mode === 'live' && this.atEdge && edge - position < followingMS;
      this.update({ edge, position, following });
    } else {
      this.update({ edge });
    }
  }

  /** Ends everything. */
  destroy(): void {
    this.close();
    this.meter.cut();
  }

  private provenance(behind: number): Provenance {
    if (this.view.mode === 'replay') return 'replay';
    return behind <= liveMS ? 'live' : 'dvr';
  }

  private behind(): number {
    return this.timeline.edge - this.view.position;
  }

  /** The playlist with everything from the start: while a lecture is live it has a name of its own. */
  private get recording(): string {
    return this.view.mode === 'live' ? this.playlist.replace(/index\.m3u8$/, 'dvr.m3u8') : this.playlist;
  }

  private presence(broadcast: BroadcastState | null): Pick<View, 'presenterGone' | 'sharing'> {
    const live = broadcast?.state === 'live';
    return { presenterGone: live && broadcast.presenter === 'gone', sharing: live && broadcast.sharing === true };
  }

  private wentLive(): void {
    const idle = this.view.transport === '' || this.view.state === 'ended';
    this.update({ mode: 'live' });
    this.options.onmode('live');
    if (idle) this.live();
  }

  private wentOff(): void {
    const { transport, position } = this.view;
    this.update({ mode: 'replay' });
    if (transport === 'hls') {
      // The playlist becomes the recording under our feet; playing goes on.
      this.update({ following: false });
    } else {
      this.breaks();
      this.close();
      this.update({ transport: '', state: 'ended', position, following: false });
    }
    this.options.onmode('replay');
  }

  private close(): void {
    this.turn++;
    this.meter.cut();
    this.subscriber?.close();
    this.subscriber = undefined;
    this.hls?.destroy();
    this.hls = undefined;
    this.window = false;
    this.update({ slow: false });
    this.video.srcObject = null;
    this.options.onscreen?.(undefined);
  }

  private openWebRTC(): void {
    this.close();
    const turn = this.turn;
    const mine = () => turn === this.turn;
    const make = this.options.newSubscriber ?? ((options: SubscriberOptions) => new Subscriber(options));
    this.update({
      transport: 'webrtc',
      state: 'connecting',
      connection: 'connecting',
      following: true,
      position: this.timeline.edge,
      qualities: [],
      quality: -1,
    });
    const subscriber = make({
      url: this.options.whep,
      ...(this.options.iceServers ? { iceServers: this.options.iceServers } : {}),
      ...(this.options.pulse ? { pulse: this.options.pulse } : {}),
      expectMedia: () => !this.view.presenterGone,
      onstream: (stream, screen) => {
        if (!mine()) return;
        this.options.onscreen?.(screen);
        this.video.srcObject = stream;
        void this.tryPlay();
      },
      onstate: (state, why) => {
        if (!mine()) return;
        // No codec in common, such as a Firefox without H.264: there is another way to play it.
        if (state === 'refused' && why?.status === 422) return this.withoutWebRTC();
        if (state === 'playing')
          this.update({ state: 'playing', connection: 'good', firstFrameMs: this.subscriber?.firstFrameMs });
        else if (state === 'reconnecting') this.update({ state, connection: state });
        else if (state === 'waiting' || state === 'refused') this.update({ state, connection: 'connecting' });
      },
      onstats: (stats) => mine() && this.judge(stats),
      onlayer: ({ shown, limited }) => mine() && this.update({ slow: limited && shown === 'audio' }),
      onblocked: () => mine() && this.withoutWebRTC(),
    });
    this.subscriber = subscriber;
    subscriber.start();
  }

  private withoutWebRTC(): void {
    this.webrtcBlocked = true;
    this.openAt(undefined);
  }

  /** Opens the playlist at a moment of the lecture, or at the live edge. */
  private openAt(ms: number | undefined): void {
    this.close();
    this.atEdge = ms === undefined;
    const turn = this.turn;
    const mine = () => turn === this.turn;
    this.update({
      transport: 'hls',
      state: 'connecting',
      connection: 'connecting',
      following: ms === undefined,
      ...(ms === undefined ? {} : { position: ms }),
    });
    const open = this.options.openHLS ?? openHLS;
    open(this.video, {
      url: this.recording,
      live: ms === undefined && this.view.mode === 'live' ? this.playlist : undefined,
      start: ms === undefined ? undefined : this.edits.toRecording(ms) / 1000,
      onqualities: (qualities, current) => {
        if (!mine()) return;
        this.update({ qualities, height: qualities[current]?.height ?? this.view.height });
      },
      ontrouble: (trouble) => {
        if (!mine()) return;
        if (trouble)
          this.update({
            connection: 'reconnecting',
            ...(this.view.state === 'playing' ? {} : { state: 'reconnecting' as const }),
          });
        else if (this.view.connection !== 'weak') this.update({ connection: 'good' });
      },
    }).then(
      (hls) => {
        if (!mine()) return hls.destroy();
        this.hls = hls;
        this.window = hls.place !== undefined;
        if (this.chosen >= 0) hls.choose(this.chosen);
        this.video.playbackRate = this.view.rate;
        if (this.intent === 'play') void this.tryPlay();
      },
      () => mine() && this.update({ state: 'reconnecting', connection: 'reconnecting' }),
    );
  }

  private async tryPlay(): Promise<void> {
    const turn = this.turn;
    try {
      await this.video.play();
      if (turn === this.turn && this.view.blocked === 'play') this.update({ blocked: '' });
    } catch (error) {
      if (turn !== this.turn || !(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      if (this.view.mode === 'live' && !this.video.muted) {
        // The picture may come without a tap, the sound may not: show at once that the lecture runs.
        this.video.muted = true;
        this.update({ muted: true, blocked: 'sound' });
        return this.tryPlay();
      }
      this.update({ blocked: 'play', state: 'paused' });
    }
  }

  private judge(stats: ReceiveStats): void {
    const weak = stats.loss > 0.05 || (stats.fps > 0 && stats.fps < 12) || stats.bufferMs > 1_500;
    this.update({ height: stats.height || this.view.height });
    if (this.view.state === 'playing') this.update({ connection: weak ? 'weak' : 'good' });
  }

  private listen(): void {
    const on = (name: string, run: () => void) => this.video.addEventListener(name, run);
    const hls = (run: () => void) => () => this.view.transport === 'hls' && run();
    on(
      'playing',
      hls(() => this.update({ state: 'playing', connection: 'good' })),
    );
    on(
      'waiting',
      hls(() => this.view.state === 'playing' && this.update({ state: 'buffering', connection: 'weak' })),
    );
    // A pause that closing the transport causes comes late and means nothing; one by a headset's key counts.
    on(
      'pause',
      hls(() => this.hls && !this.video.ended && this.video.readyState > 0 && (this.breaks(), this.update({ state: 'paused' }))),
    );
    on(
      'seeking',
      hls(() => this.meter.cut()),
    );
    on(
      'ended',
      hls(() => (this.breaks(), this.update({ state: 'ended' }))),
    );
    // Some browsers let a stream begin and stop it when it turns out to have sound.
    on('pause', () => {
      if (this.view.transport !== 'webrtc' || this.intent !== 'play' || !this.video.srcObject) return;
      void this.tryPlay();
    });
    on('volumechange', () => this.update({ muted: this.video.muted, volume: this.video.volume }));
  }

  private breaks(): void {
    this.meter.cut();
    this.options.onbreak();
  }

  private update(change: Partial<View>): void {
    const next = { ...this.view, ...change };
    if ((Object.keys(change) as (keyof View)[]).every((key) => Object.is(this.view[key], next[key]))) return;
    this.view = next;
    this.options.onview(next);
  }
}
