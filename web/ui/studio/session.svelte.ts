/** One presenter at one lecture: joins devices, publisher, API and socket, and keeps what the studio draws. */
import * as api from '../shared/manage';
import type { Course, Health, Me } from '../shared/api';
import { Backstage } from '../shared/backstage';
import { iceServersOf } from '../shared/ice';
import { Panel } from '../shared/panel.svelte';
import { Pulse } from '../shared/pulse';
import { Socket, type SocketState } from '../shared/socket';
import { Timeline, type BroadcastState } from '../shared/timeline';
import { Publisher, type PublisherState, type SendStats } from '../shared/whip';
import { cameraAdvice, connectionAdvice, Ear, headline, type Advice } from './advice';
import { Assigned } from './assigned.svelte';
import {
  alreadyAllowed,
  listDevices,
  openBoth,
  openDevice,
  openScreen,
  problemOf,
  remember,
  type DeviceProblem,
  type Kind,
} from './devices';
import { listen, watch, type Loudness } from './senses';

/** loading, allow (devices not open yet), green (green room), count (3-2-1), air, over (ended), failed. */
export type Phase = 'loading' | 'allow' | 'green' | 'count' | 'air' | 'over' | 'failed';

const countFrom = 3;
const healthEvery = 3_000;

export class Session {
  readonly id: string;
  readonly assigned: Assigned;
  readonly panel: Panel;
  phase = $state<Phase>('loading');
  course = $state.raw<Course>();
  me = $state.raw<Me>();
  failure = $state.raw<unknown>();
  /** Set when the page's account does not present here. */
  foreign = $state(false);
  asking = $state(false);
  problem = $state<DeviceProblem | 'unplugged_video' | 'unplugged_audio' | ''>('');
  tracks = $state.raw<{ video: MediaStreamTrack | undefined; audio: MediaStreamTrack | undefined }>({
    video: undefined,
    audio: undefined,
  });
  /** The screen or window that is shown besides the camera. */
  screen = $state.raw<MediaStreamTrack>();
  devices = $state.raw<Record<Kind, { id: string; label: string }[]>>({ video: [], audio: [] });
  off = $state<Record<Kind, boolean>>({ video: false, audio: false });
  level = $state.raw<Loudness>({ rms: -100, peak: -100 });
  microphone = $state.raw<Advice>({ verdict: 'wait', say: 'microphone.wait' });
  brightness = $state<number>();
  line = $state<PublisherState>('idle');
  sent = $state.raw<SendStats>();
  /** Seconds since the publisher was started. */
  tested = $state(0);
  count = $state(0);
  busy = $state(false);
  error = $state('');
  /** The newest rehearsal; undefined until it is known. */
  rehearsal = $state.raw<api.Rehearsal>();
  viewers = $state(0);
  mostViewers = $state(0);
  elapsed = $state(0);
  health = $state.raw<Health>();
  socketState = $state<SocketState>('closed');
  /** Milliseconds until the scheduled start. */
  untilStart = $state(0);

  private publisher: Publisher | undefined;
  private backstage: Backstage | undefined;
  private readonly socket: Socket;
  private readonly pulse = new Pulse();
  private readonly timeline = new Timeline();
  private ear = new Ear();
  private startedAt = 0;
  private stops: (() => void)[] = [];
  private deaf: (() => void) | undefined;
  private counter: ReturnType<typeof setInterval> | undefined;

  constructor(id: string) {
    this.id = id;
    this.assigned = new Assigned(id);
    this.panel = new Panel(id);
    this.socket = new Socket({
      course: id,
      pulse: this.pulse,
      on: {
        state: (state) => {
          this.socketState = state;
          if (state === 'down') this.publisher?.suspect();
        },
        welcome: () => {
          this.publisher?.nudge();
          this.panel.hint();
        },
        resync: () => void this.assigned.load(),
        broadcast: (broadcast) => this.broadcast(broadcast),
        viewers: (viewers) => this.watching(viewers),
        question: (question) => this.assigned.take(question),
        panel: () => this.panel.hint(),
      },
    });
  }

  camera = $derived(cameraAdvice(this.tracks.video !== undefined, this.off.video ? 0.5 : this.brightness));
  connection = $derived(connectionAdvice(this.line, this.sent, this.tested));
  head = $derived(
    headline(this.camera, this.off.audio ? { verdict: 'good', say: 'microphone.good' } : this.microphone, this.connection),
  );

  async open(): Promise<void> {
    try {
      [this.course, this.me] = await Promise.all([api.course(this.id), api.me()]);
    } catch (error) {
      this.failure = error;
      this.phase = 'failed';
      return;
    }
    if (!this.course.roles.includes('presenter')) {
      this.foreign = true;
      this.phase = 'failed';
      return;
    }
    this.assigned.me = this.me.person.id;
    this.startClocks(this.course);
    this.socket.start();
    void this.assigned.load();
    if (this.course.state === 'ended') this.phase = 'over';
    else await this.prepare();
  }

  /** Opens the devices at once when the browser allows it (a reload on air), else explains first. */
  private async prepare(): Promise<void> {
    if (await alreadyAllowed()) await this.allow();
    else this.phase = 'allow';
  }

  /** Whether the lecture is on air, whoever sends. */
  get onAir(): boolean {
    return this.course?.state === 'live';
  }

  /** Asks for the devices and starts sending backstage; on air, that is at once what doctors see. */
  async allow(): Promise<void> {
    this.asking = true;
    this.problem = '';
    try {
      for (const track of await openBoth()) this.use(track);
      this.phase = this.onAir ? 'air' : 'green';
      this.publish();
      void this.rehearse('look');
      await this.relist();
    } catch (error) {
      this.problem = problemOf(error);
      this.phase = 'allow';
    } finally {
      this.asking = false;
    }
  }

  /** Takes another camera or microphone. */
  async choose(kind: Kind, id: string): Promise<void> {
    try {
      // Some computers cannot open two cameras at once, so the old one goes first.
      this.tracks[kind === 'video' ? 'video' : 'audio']?.stop();
      const track = await openDevice(kind, id);
      remember(kind, id);
      this.use(track);
      await this.publisher?.replace(track);
      this.problem = '';
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  private use(track: MediaStreamTrack): void {
    const kind = track.kind as Kind;
    track.enabled = !this.off[kind];
    track.onended = () => this.unplugged(kind);
    this.tracks = { ...this.tracks, [kind]: track };
    if (kind === 'video') this.brightness = undefined;
    else this.listenTo(track);
  }

  private listenTo(track: MediaStreamTrack): void {
    this.deaf?.();
    this.ear = new Ear();
    this.microphone = this.ear.advice();
    this.deaf = listen(track, (loudness) => {
      this.level = loudness;
      if (!this.off.audio) this.microphone = this.ear.hear(loudness);
    });
  }

  /** The picture element is there: measures its light. */
  see(video: HTMLVideoElement): () => void {
    return watch(video, (brightness) => (this.brightness = brightness));
  }

  private async unplugged(kind: Kind): Promise<void> {
    await this.relist();
    const other = this.devices[kind][0];
    if (other) await this.choose(kind, other.id);
    if (!other || this.problem) this.problem = kind === 'video' ? 'unplugged_video' : 'unplugged_audio';
  }

  private async relist(): Promise<void> {
    try {
      this.devices = await listDevices();
    } catch {
      // Without a list the pickers stay as they are.
    }
  }

  /** Camera off sends black, microphone off sends silence: the recording goes on without a hole. */
  toggle(kind: Kind): void {
    this.off[kind] = !this.off[kind];
    const track = this.tracks[kind];
    if (track) track.enabled = !this.off[kind];
  }

  /** Shows a screen or window, or ends that. The browser's own button ends it, too. */
  async share(): Promise<void> {
    if (this.screen) return this.unshare();
    try {
      const track = await openScreen();
      if (!track) return;
      track.onended = () => this.unshare();
      this.screen = track;
      await this.publisher?.share(track);
      this.problem = '';
    } catch (error) {
      this.unshare();
      this.problem = problemOf(error);
    }
  }

  private unshare(): void {
    if (this.screen) this.screen.onended = null;
    this.screen?.stop();
    this.screen = undefined;
    void this.publisher?.share(undefined);
  }

  private publish(): void {
    this.publisher ??= new Publisher({
      url: `/whip/${encodeURIComponent(this.id)}?backstage=1`,
      iceServers: iceServersOf(this.id),
      pulse: this.pulse,
      occupied: async () => (await api.panel(this.id)).seated,
      onstate: (state) => {
        this.line = state;
        if (state === 'connecting') this.startedAt = performance.now();
      },
      onstats: (stats) => (this.sent = stats),
    });
    this.startedAt = performance.now();
    this.publisher.start([this.tracks.video, this.tracks.audio].filter((track): track is MediaStreamTrack => Boolean(track)));
    this.backstage ??= new Backstage({ course: this.id, iceServers: iceServersOf(this.id) });
    this.backstage.start();
    this.panel.start();
  }

  private unpublish(): void {
    this.publisher?.close();
    this.backstage?.close();
    this.publisher = this.backstage = undefined;
    this.panel.stop();
  }

  /** Takes the lecture back from another window. */
  takeBack(): void {
    this.publish();
  }

  /** Begins, ends or deletes a rehearsal. Nobody but those who present sees anything of it. */
  async rehearse(act: 'look' | 'start' | 'end' | 'delete'): Promise<void> {
    const ask = { look: api.rehearsal, start: api.startRehearsal, end: api.endRehearsal, delete: api.deleteRehearsals }[act];
    this.busy = act !== 'look';
    try {
      this.rehearsal = await ask(this.id);
      this.error = '';
    } catch (error) {
      if (act !== 'look') this.error = api.messageOf(error);
    } finally {
      this.busy = false;
    }
  }

  goLive(): void {
    this.error = '';
    this.count = countFrom;
    this.phase = 'count';
    this.counter = setInterval(() => {
      this.count--;
      if (this.count <= 0) void this.air();
    }, 1000);
  }

  cancelCount(): void {
    if (this.busy) return;
    clearInterval(this.counter);
    this.phase = 'green';
  }

  private async air(): Promise<void> {
    clearInterval(this.counter);
    this.busy = true;
    try {
      this.enter(await api.goOnAir(this.id));
    } catch (error) {
      this.error = api.messageOf(error);
      this.phase = 'green';
    } finally {
      this.busy = false;
    }
  }

  /** Ends the lecture for everyone. True when it has ended. */
  async end(): Promise<boolean> {
    this.busy = true;
    this.error = '';
    try {
      this.enter(await api.endLecture(this.id));
      return true;
    } catch (error) {
      this.error = api.messageOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** After the end: back to the green room, to continue the lecture. */
  async again(): Promise<void> {
    if (this.tracks.video) {
      this.phase = 'green';
      this.publish();
    } else await this.prepare();
  }

  private enter(course: Course): void {
    this.course = course;
    if (course.broadcast) this.timeline.set(course.broadcast);
    if (course.state === 'live') this.phase = 'air';
    if (course.state === 'ended') this.over();
  }

  private over(): void {
    this.phase = 'over';
    this.elapsed = this.timeline.edge / 1000;
    this.unshare();
    this.unpublish();
    this.deaf?.();
    for (const track of [this.tracks.video, this.tracks.audio]) {
      if (track) track.onended = null;
      track?.stop();
    }
    this.tracks = { video: undefined, audio: undefined };
    void this.assigned.load();
  }

  /** The socket says how the broadcast stands; it may have been ended, or put on air, elsewhere. */
  private broadcast(state: BroadcastState): void {
    this.timeline.set(state);
    const { course } = this;
    if (!course || (course.state === 'live') === (state.state === 'live')) return;
    this.course = { ...course, state: state.state === 'live' ? 'live' : 'ended' };
    if (state.state === 'live' && (this.phase === 'green' || this.phase === 'count')) {
      clearInterval(this.counter);
      this.phase = 'air';
    } else if (state.state === 'ended' && this.phase === 'air') this.over();
  }

  private watching(viewers: number): void {
    this.viewers = viewers;
    if (this.phase === 'air') this.mostViewers = Math.max(this.mostViewers, viewers);
  }

  private startClocks(course: Course): void {
    if (course.broadcast) this.timeline.set(course.broadcast);
    const every = (ms: number, run: () => void) => {
      run();
      const timer = setInterval(run, ms);
      this.stops.push(() => clearInterval(timer));
    };
    every(250, () => {
      this.elapsed = this.timeline.edge / 1000;
      this.tested = this.line === 'idle' ? 0 : (performance.now() - this.startedAt) / 1000;
      this.untilStart = Date.parse(course.start) - Date.now();
    });
    every(healthEvery, () => this.phase === 'air' && void this.readHealth());
    const online = () => this.publisher?.nudge();
    const plugged = () => void this.relist();
    // The server hears at once that this page is gone; a lecture on air stays on air.
    const leave = () => this.unpublish();
    window.addEventListener('online', online);
    window.addEventListener('pagehide', leave);
    // Brought back from the browser's page cache: nothing of the session lives any more.
    window.addEventListener('pageshow', (event) => event.persisted && location.reload());
    navigator.mediaDevices?.addEventListener?.('devicechange', plugged);
    this.stops.push(() => {
      window.removeEventListener('online', online);
      window.removeEventListener('pagehide', leave);
      navigator.mediaDevices?.removeEventListener?.('devicechange', plugged);
    });
  }

  private async readHealth(): Promise<void> {
    try {
      this.health = await api.health(this.id);
      this.watching(this.health.viewers);
    } catch {
      // The next turn reads it.
    }
  }

  close(): void {
    this.stops.forEach((stop) => stop());
    clearInterval(this.counter);
    this.deaf?.();
    this.unpublish();
    this.socket.stop();
    this.screen?.stop();
    this.tracks.video?.stop();
    this.tracks.audio?.stop();
  }
}
