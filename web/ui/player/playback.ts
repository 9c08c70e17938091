/**
 * Decides how a lecture is played and drives the one <video>: WebRTC at the live edge, HLS behind it, after it and where WebRTC does not get
 * through. Plain TypeScript: the page draws what `view` says.
 */
import type { Resume } from '../shared/api';
import { soundOnly } from '../shared/layer';
import { Timeline, type BroadcastState } from '../shared/timeline';
import type { ReceiveStats } from '../shared/whep';
import { bufferedAhead, catchUpRate, safeRate } from './catchup';
import { Edits } from './edits';
import type { Feed, FeedSink } from './feed';
import { listen, startPlaying } from './element';
import type { HLSPlayback } from './hls';
import { Line } from './line';
import { Meter } from './meter';
import { layerFor, type Choice } from './quality';
import { Reel, type Where } from './reel';
import { nothing, provenance, type PlaybackOptions, type View } from './view';

export type { Connection, PlaybackOptions, PlayState, Transport, View } from './view';

/** Nearer to the edge than this is following it. HLS itself is about ten seconds behind. */
const followingMS = 25_000;
/** After a pause this short the live picture goes on at the edge, after a longer one where it was left. */
const shortPauseMS = 8_000;
/** The low-latency playlist lists a minute. A moment this far behind the edge is played from it, with some room. */
const windowMS = 40_000;
/** A picture that stands still is noticed after this long: the last one that was seen is as much earlier. */
const staleMS = 1_250;
/** A moment this near to the edge is there. */
const thereMS = 500;
export class Playback {
  readonly meter = new Meter();
  view: View;
  private readonly options: PlaybackOptions;
  private readonly video: HTMLVideoElement;
  private readonly timeline: Timeline;
  private readonly now: () => number;
  private readonly line: Line;
  private edits = new Edits(null, true);
  private playlist = '';
  /** Without, there is the live edge and nothing behind it. */
  private recorded = true;
  private readonly reel: Reel;
  /** Rises when another transport is opened; what an older one still says is ignored. */
  private turn = 0;
  /** The last moment that WebRTC really showed, in ms; undefined when it showed none. */
  private shownAt: number | undefined;
  private intent: 'play' | 'pause' = 'play';
  private pausedAt = 0;
  constructor(options: PlaybackOptions) {
    this.options = options;
    this.video = options.video;
    this.now = options.now ?? (() => performance.now());
    this.timeline = new Timeline(this.now);
    this.reel = new Reel(options);
    this.line = new Line({
      feed: {
        url: options.whep,
        ...(options.iceServers ? { iceServers: options.iceServers } : {}),
        ...(options.pulse ? { pulse: options.pulse } : {}),
        expectMedia: () => !this.view.presenterGone,
      },
      newSubscriber: options.newSubscriber,
      random: options.random,
    });
    this.view = { ...nothing, choice: options.choice ?? 'auto' };
    this.line.choose(layerFor(this.view.choice));
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
  learn(resume: Pick<Resume, 'edits' | 'hls' | 'recorded'>): void {
    this.recorded = resume.recorded;
    this.edits = new Edits(resume.edits, this.view.mode === 'live');
    this.playlist = resume.hls;
  }

  /** The socket says how the broadcast stands. */
  broadcast(state: BroadcastState): void {
    this.timeline.set(state);
    this.update(this.presence(state));
    if (state.state === 'live' && this.view.mode !== 'live') this.wentLive();
    else if (state.state === 'ended' && this.view.mode === 'live') this.wentOff();
    if (state.state === 'live' && state.presenter === 'connected') this.line.feed?.subscriber.nudge();
  }

  /** To the live edge. What is shown goes on until the live picture is there. */
  live(): void {
    if (!this.timeline.live) return;
    this.intent = 'play';
    this.stopCatchingUp();
    this.setRate(1);
    const edge = this.reel.window && this.reel.hls?.edge();
    if (!this.line.blocked) {
      if (this.view.transport === 'hls' && this.view.state === 'playing') this.prepare(true);
      else this.openWebRTC();
    } else if (edge) {
      this.reel.atEdge = true;
      this.video.currentTime = edge;
      void this.tryPlay();
    } else this.openEdge();
  }

  play(): void {
    this.intent = 'play';
    if (this.view.transport === 'webrtc' || (this.view.mode === 'live' && this.view.transport === '')) {
      if (this.timeline.edge - this.pausedAt > shortPauseMS && this.view.state === 'paused') this.openAt(this.pausedAt);
      else this.live();
    } else if (this.reel.window && (this.view.mode === 'replay' || this.behind() > shortPauseMS)) this.openAt(this.view.position);
    else if (this.view.transport === 'hls') void this.tryPlay();
    else if (this.view.mode === 'replay') this.openAt(this.view.position);
  }

  pause(): void {
    this.intent = 'pause';
    this.leaveStandby();
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
    const to = Math.max(0, Math.min(ms, this.edge));
    this.breaks();
    this.stopCatchingUp();
    if (this.view.mode === 'live' && to >= this.edge - 2_000) return this.live();
    this.leaveStandby();
    this.goTo(to);
  }

  /**
   * Plays what was missed from this moment on and nothing that was seen: in a live lecture faster, until the live edge, where it is live
   * again; in a replay at the speed that is set.
   */
  playMissed(from: number, gapSeconds: number): void {
    const live = this.view.mode === 'live';
    this.seek(from);
    this.intent = 'play';
    if (live) this.setRate(catchUpRate(gapSeconds));
    this.update({ only: true });
    if (this.reel.hls) void this.tryPlay();
  }

  /** Gives up playing only what was missed: from here on at the usual speed, wherever that is. */
  normally(): void {
    this.stopCatchingUp();
    this.setRate(1);
  }

  setRate(rate: number): void {
    if (rate === this.view.rate) return;
    this.breaks();
    this.video.defaultPlaybackRate = rate;
    this.video.playbackRate = rate;
    this.update({ rate });
    if (this.view.only && this.view.mode === 'live') {
      if (rate <= 1) this.stopCatchingUp();
      else return;
    }
    // The live edge is played at the rate that keeps us there; another one leaves it.
    if (this.reel.window && rate !== 1) this.openAt(this.view.position);
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

  choose(choice: Choice): void {
    const before = this.view.choice;
    this.update({ choice });
    this.line.choose(layerFor(choice));
    if (this.reel.hls && (choice === 'audio') !== (before === 'audio')) this.reopen();
    else this.reel.choose(choice);
  }

  /** The network is back, the page is in view again: looks after the picture at once. */
  nudge(): void {
    this.line.nudge(this.now());
  }

  /** The page has lost something else of the server: looks closely whether the picture still comes. */
  suspect(): void {
    this.line.feed?.subscriber.suspect();
  }

  /** Several times a second: reads the position, measures what is played, and looks after what happens behind it. */
  tick(): void {
    const now = this.now();
    if (this.view.transport === 'webrtc' && this.line.feed) this.tickFeed(this.line.feed, now);
    else if (this.view.transport === 'hls' && this.reel.hls && this.video.readyState > 0) this.tickHLS(this.reel.hls, now);
    else this.update({ edge: this.edge });
    this.lookBehind(now);
  }

  /** Ends everything. */
  destroy(): void {
    this.leaveStandby();
    this.close();
    this.meter.cut();
  }

  private get edge(): number {
    return this.view.mode === 'replay' ? Math.max(this.edits.end, this.timeline.edge) : this.timeline.edge;
  }

  private tickFeed(feed: Feed, now: number): void {
    const moving = feed.subscriber.alive() && !this.video.paused && this.intent === 'play';
    if (moving) this.line.ease(now);
    const position = moving ? this.timeline.edge - feed.delayed : this.view.position;
    if (moving) {
      this.meter.play(position, 'live', 1.2, now);
      this.shownAt = position - staleMS;
    } else this.meter.cut();
    this.update({ edge: this.edge, position, following: true });
  }

  private tickHLS(hls: HLSPlayback, now: number): void {
    const { edge, video } = this;
    const at = this.reel.window ? hls.place?.() : this.placeOf(hls);
    const position = Math.min(at ?? this.view.position, edge || Infinity);
    const moving = at !== undefined && !video.paused && !video.seeking && video.readyState >= 3;
    if (moving) this.meter.play(position, provenance(this.view.mode, edge - position), video.playbackRate, now);
    else this.meter.cut();
    const following = this.view.mode === 'live' && this.reel.atEdge && edge - position < followingMS;
    this.update({ edge, position, following });
    if (this.view.only && moving) this.catchUp(hls, position);
  }

  /** The moment that a playlist without a window shows. Of what is not recorded, only the distance from its edge is known. */
  private placeOf(hls: HLSPlayback): number {
    const { currentTime } = this.video;
    if (this.recorded) return this.edits.toTimeline(currentTime * 1000);
    return this.timeline.edge - Math.max(0, (hls.edge() ?? currentTime) - currentTime) * 1000;
  }

  /** Skips what was watched; in a live lecture comes nearer to the edge, and is live when it is there. */
  private catchUp(hls: HLSPlayback, position: number): void {
    const live = this.view.mode === 'live';
    const next = this.options.needed?.(position) ?? position;
    if (next >= this.edge - 1_000) {
      if (live) return this.live();
      this.stopCatchingUp();
      this.breaks();
      this.update({ state: 'ended' });
      return this.video.pause();
    }
    if (next > position) return this.goTo(next);
    if (!live) return;
    if (!this.reel.window && !this.reel.noWindow && this.behind() < windowMS) return this.openEdge(position);
    const edge = hls.edge();
    if (edge !== undefined && (edge - this.video.currentTime) * 1000 < thereMS) return this.arrived(hls);
    this.video.playbackRate = safeRate(this.view.rate, bufferedAhead(this.video));
  }

  /** Caught up: at the edge of HLS, and at that of WebRTC if that gets through. */
  private arrived(hls: HLSPlayback): void {
    this.stopCatchingUp();
    this.setRate(1);
    this.reel.atEdge = true;
    this.update({ following: true });
    hls.follow(true);
    if (!this.line.blocked) this.prepare(true);
  }

  private stopCatchingUp(): void {
    if (this.view.only) this.update({ only: false });
  }

  private behind(): number {
    return this.timeline.edge - this.view.position;
  }

  /** The playlist with everything from the start: while a lecture is live it has a name of its own. */
  private get recording(): string {
    return this.view.mode === 'live' && this.recorded ? this.playlist.replace(/index\.m3u8$/, 'dvr.m3u8') : this.playlist;
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
    this.leaveStandby();
    this.update({ mode: this.recorded ? 'replay' : 'none', joining: false });
    if (transport === 'hls' && this.recorded) {
      // The playlist becomes the recording under our feet; playing goes on.
      this.update({ following: false });
    } else {
      this.breaks();
      this.close();
      this.update({ transport: '', state: 'ended', position, following: false });
    }
    this.options.onmode(this.view.mode);
  }

  /** Ends what is shown, except the feed that comes next. */
  private close(next?: Feed): void {
    this.turn++;
    this.meter.cut();
    if (this.line.feed || this.reel.hls) this.options.onhold?.();
    if (!next) this.line.close();
    this.reel.close();
    this.video.srcObject = null;
    this.options.onscreen?.(undefined, undefined);
    this.update({ soundOnly: '' });
  }

  private openWebRTC(): void {
    this.leaveStandby();
    this.close();
    this.shownAt = undefined;
    this.update({
      transport: 'webrtc',
      state: 'connecting',
      connection: 'connecting',
      following: true,
      position: this.timeline.edge,
      qualities: [],
    });
    this.line.open((feed) => this.sink(feed));
  }

  /** What the feed on the stage does to the page. */
  private sink(feed: Feed): FeedSink {
    return {
      onstream: (stream, screen) => this.show(stream, screen),
      onstate: (state, why) => {
        // No codec in common, such as a Firefox without H.264: there is another way to play it.
        if (state === 'refused' && why?.status === 422) return this.withoutWebRTC(true);
        if (state === 'playing') this.update({ state, connection: 'good', firstFrameMs: feed.subscriber.firstFrameMs });
        else if (state === 'reconnecting') this.update({ state, connection: state });
        else if (state === 'waiting' || state === 'refused') this.update({ state, connection: 'connecting' });
      },
      onstats: (stats) => this.judge(stats),
      onlayer: (state) => this.update({ soundOnly: soundOnly(state) ? (state.wanted === 'audio' ? 'chosen' : 'line') : '' }),
      onblocked: () => this.withoutWebRTC(false),
    };
  }

  private show(stream: MediaStream, screen: MediaStream | undefined): void {
    this.options.onscreen?.(screen, stream);
    this.video.srcObject = stream;
    void this.tryPlay();
  }

  /** WebRTC does not get through: HLS goes on with the second at which it stopped, and catches up. */
  private withoutWebRTC(forGood: boolean): void {
    this.leaveStandby();
    this.line.fell(forGood, this.now());
    const lost = this.shownAt === undefined ? 0 : this.timeline.edge - this.shownAt;
    if (lost > 0 && lost < windowMS && this.intent === 'play') {
      this.openEdge(this.shownAt);
      this.setRate(catchUpRate(lost / 1000));
      this.update({ only: true });
    } else this.openEdge();
  }

  /** Opens WebRTC behind what is shown. */
  private prepare(asked: boolean): void {
    this.line.prepare(asked, this.reel.atEdge ? this.behind() : 0, this.now());
    this.update({ joining: asked });
  }

  private leaveStandby(): void {
    this.line.leave();
    this.update({ joining: false });
  }

  /** Looks after the reception behind what is shown, and whether it is time for one. */
  private lookBehind(now: number): void {
    const { view, line } = this;
    const longing = this.reel.atEdge && view.following && view.state === 'playing' && !view.presenterGone;
    const found = line.look(now, longing);
    if (found === 'try') this.prepare(false);
    else if (found === 'blocked') this.withoutWebRTC(false);
    else if (found === 'take') this.takeOver(line.feed!);
  }

  /** Shows the feed that waited behind. */
  private takeOver(feed: Feed): void {
    this.close(feed);
    feed.sink = this.sink(feed);
    this.update({ transport: 'webrtc', state: 'playing', connection: 'good', following: true, joining: false, qualities: [] });
    this.show(feed.stream!, feed.screen);
    this.tickFeed(feed, this.now());
  }

  /** To a moment behind the edge, which what is open may have. */
  private goTo(ms: number): void {
    if (!this.recorded) return this.live();
    if (this.view.transport === 'hls' && this.reel.hls && !this.reel.window) {
      this.reel.atEdge = false;
      this.video.currentTime = this.edits.toRecording(ms) / 1000;
      this.update({ position: ms, following: false });
      if (this.view.state === 'ended') this.play();
    } else {
      this.intent = 'play';
      this.openAt(ms);
    }
  }

  /** Opens what is open once more. */
  private reopen(): void {
    if (this.reel.atEdge) this.openEdge();
    else this.openAt(this.view.position);
  }

  /** Opens the recording at a moment of the lecture. */
  private openAt(ms: number): void {
    if (!this.recorded) return this.live();
    this.openHLS({ start: this.edits.toRecording(ms) / 1000 }, ms);
  }

  /** Opens the playlist of the last minute at its live edge, or at a moment less than a minute ago. */
  private openEdge(from?: number): void {
    if (this.view.mode !== 'live') return this.openAt(from ?? this.view.position);
    this.openHLS(
      { live: this.playlist, ...(from === undefined ? {} : { behind: () => (this.timeline.edge - from) / 1000 }) },
      from,
    );
  }

  private openHLS(where: Omit<Where, 'url'>, ms: number | undefined): void {
    this.close();
    const { reel } = this;
    this.update({
      transport: 'hls',
      state: 'connecting',
      connection: 'connecting',
      following: where.live !== undefined && ms === undefined,
      ...(ms === undefined ? {} : { position: ms }),
    });
    void reel.open({ ...where, url: this.recording }, () => this.view.choice, {
      onopen: () => {
        this.update({ soundOnly: this.view.choice === 'audio' ? 'chosen' : '' });
        this.video.playbackRate = this.view.rate;
        if (this.intent === 'play') void this.tryPlay();
      },
      onqualities: (qualities, height) => this.update({ qualities, height: height ?? this.view.height }),
      ontrouble: (trouble) => {
        if (trouble)
          this.update({
            connection: 'reconnecting',
            ...(this.view.state === 'playing' ? {} : { state: 'reconnecting' as const }),
          });
        else if (this.view.connection !== 'weak') this.update({ connection: 'good' });
      },
      onfailed: () => this.update({ state: 'reconnecting', connection: 'reconnecting' }),
      onmoved: () => this.reopen(),
    });
    reel.atEdge = this.view.following;
  }

  /** The server says that this person may watch no longer. */
  turnAway(): void {
    this.leaveStandby();
    this.close();
    this.update({ transport: '', state: 'refused' });
  }

  private async tryPlay(): Promise<void> {
    const turn = this.turn;
    // The picture may come without a tap, the sound may not: show at once that the lecture runs.
    const outcome = await startPlaying(this.video, () => turn === this.turn && this.view.mode === 'live');
    if (turn !== this.turn) return;
    if (outcome === 'muted') this.update({ muted: true, blocked: 'sound' });
    else if (outcome === 'refused') this.update({ blocked: 'play', state: 'paused' });
    else if (outcome === 'plays' && this.view.blocked === 'play') this.update({ blocked: '' });
  }

  private judge(stats: ReceiveStats): void {
    const weak =
      stats.loss > 0.05 || (stats.fps > 0 && stats.fps < 12) || stats.bufferMs > 1_500 + (this.line.feed?.delayed ?? 0);
    this.update({ height: stats.height || this.view.height });
    if (this.view.state === 'playing') this.update({ connection: weak ? 'weak' : 'good' });
  }

  private listen(): void {
    const hls = (run: () => void) => () => this.view.transport === 'hls' && run();
    listen(this.video, {
      playing: hls(() => this.update({ state: 'playing', connection: 'good' })),
      waiting: hls(() => {
        if (this.view.state !== 'playing') return;
        this.update({ state: 'buffering', connection: 'weak' });
        // What is tried behind it takes the line that the picture needs.
        if (!this.view.joining) this.line.spoil(this.now());
      }),
      paused: () => this.stopped(),
      seeking: hls(() => this.meter.cut()),
      ended: hls(() => (this.breaks(), this.update({ state: 'ended' }))),
      volume: () => this.update({ muted: this.video.muted, volume: this.video.volume }),
    });
  }

  private stopped(): void {
    const { video, view } = this;
    if (view.transport === 'hls') {
      // A pause that closing the transport causes comes late and means nothing; one by a headset's key counts.
      if (!this.reel.hls || video.ended || video.readyState === 0 || view.state === 'ended') return;
      this.breaks();
      this.update({ state: 'paused' });
    } else if (view.transport === 'webrtc' && this.intent === 'play' && video.srcObject) {
      // Some browsers let a stream begin and stop it when it turns out to have sound.
      void this.tryPlay();
    }
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
