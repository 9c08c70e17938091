/** One lecture on one page: joins the API, the socket, the playback and the reports, and keeps what the components draw. */
import * as api from '../shared/api';
import type { Chapter, Course, Me, Resume, SpanS } from '../shared/api';
import { MediaAccess } from './access';
import type { PanelMessage } from '../shared/messages';
import { Pulse } from '../shared/pulse';
import { Socket, type SocketState } from '../shared/socket';
import { gaps, normalise, total } from '../shared/spans';
import type { PlayedSpan } from './meter';
import type { Captions } from './captions.svelte';
import { nextNeeded } from './catchup';
import { covers } from './edits';
import { remember, remembered, type Choice } from './quality';
import { Playback, type View } from './playback';
import { Questions } from './questions.svelte';
import { randomName, Reporter } from './reporter';
import { standing } from './standing';

const reportEvery = 10_000;
const tickEvery = 250;
/** While the recording grows and is being played, its edit list is read this often. */
const learnEvery = 15_000;

export class Lecture {
  readonly id: string;
  readonly questions: Questions;
  private readonly access: MediaAccess;
  /** Loaded after the lecture itself: few read them in the first second. */
  captions = $state.raw<Captions>();
  course = $state.raw<Course>();
  me = $state.raw<Me>();
  resume = $state.raw<Resume>();
  /** Places to jump to, in their order. */
  chapters = $state.raw<Chapter[]>([]);
  failure = $state.raw<unknown>();
  view = $state.raw<View>();
  /** What the second <video> shows while a screen is shared and WebRTC plays, and the camera that is then the small one. */
  screen = $state.raw<MediaStream>();
  camera = $state.raw<MediaStream>();
  /** Keeps the last picture in sight while another way of playing begins. */
  onhold: (() => void) | undefined;
  socketState = $state<SocketState>('closed');
  viewers = $state(0);
  /** In words, on which other device the reader watches; undefined when it is this one. */
  elsewhere = $state.raw<string>();
  /** Random name of this page load. */
  private readonly player = randomName();
  /** Rises with each change of the device; the highest plays. */
  private fence = 0;
  /** What was said last of this person's place on the panel, for as long as they have one. */
  panel = $state.raw<PanelMessage>();
  /** Reported, here and before. */
  private reported = $state.raw<SpanS[]>([]);
  /** Played, but not reported yet. */
  private fresh = $state.raw<SpanS[]>([]);
  /** Milliseconds to the scheduled start; negative when it has passed. */
  untilStart = $state(0);

  private playback: Playback | undefined;
  private reporter: Reporter | undefined;
  private readonly socket: Socket;
  private readonly pulse = new Pulse();
  private timers: ReturnType<typeof setInterval>[] = [];
  private relay: (() => Promise<RTCIceServer[]>) | undefined;

  constructor(id: string) {
    this.id = id;
    this.questions = new Questions(id);
    this.access = new MediaAccess({ course: id, onrefused: () => this.playback?.turnAway() });
    this.socket = new Socket({
      course: id,
      pulse: this.pulse,
      on: {
        state: (state) => {
          this.socketState = state;
          if (state === 'down') this.playback?.suspect();
        },
        welcome: (welcome) => {
          this.seat({ person: welcome.person, member: welcome.roles.includes('panellist') });
          this.reporter?.resend();
        },
        resync: () => {
          void this.questions.load();
          void this.loadCaptions();
          void this.loadChapters();
        },
        broadcast: (broadcast) => {
          this.playback?.broadcast(broadcast);
          this.startReporting(broadcast.id);
        },
        viewers: (viewers) => (this.viewers = viewers),
        panel: (panel) => this.seat(panel),
        playing: (now) => {
          if (now.player !== this.player && now.fence > this.fence) this.yield(now.device ?? '');
        },
        question: (question) => {
          this.questions.take(question);
          if (question.state === 'on_air' || question.state === 'answered') void this.loadChapters();
        },
        caption: (caption) => this.captions?.take(caption),
        ack: (ack) => this.reporter?.acked(ack),
        refused: (report) => this.reporter?.acked(report),
      },
    });
  }

  /** Length of the lecture in seconds as far as it is known: the recording's, or what is planned. */
  length = $derived.by(() => {
    const edge = (this.view?.edge ?? 0) / 1000;
    return this.view?.mode === 'replay' ? edge : Math.max(edge, (this.course?.minutes ?? 0) * 60);
  });
  /** Seconds of the timeline watched so far. */
  watched = $derived(normalise([...this.reported, ...this.fresh]));
  watchedSeconds = $derived(total(this.watched));
  /** What of the lecture so far was not watched. */
  missing = $derived(gaps(this.watched, 0, Math.floor((this.view?.edge ?? 0) / 1000)));

  /** It can be watched later, too, and rewound meanwhile. */
  recorded = $derived(this.resume?.recorded !== false);

  /** The lecture's picture is a shared screen, and there is one of who speaks besides. */
  accompanied = $derived.by(() => {
    const { view, resume } = this;
    if (!view || !resume) return false;
    if (view.transport === 'webrtc') return view.sharing && Boolean(this.screen && this.camera);
    if (view.transport !== 'hls') return false;
    const growing = view.mode === 'live' && view.sharing;
    return covers(resume.speaker.edits, view.position, growing);
  });

  /** Reads what is needed and starts in the given <video>. */
  async open(video: HTMLVideoElement): Promise<void> {
    try {
      const [course, resume, me] = await Promise.all([api.course(this.id), api.resume(this.id, linkSeconds()), api.me()]);
      this.course = course;
      this.me = me;
      this.take(resume);
      this.play(video, course, resume);
    } catch (error) {
      this.failure = error;
    }
  }

  private play(video: HTMLVideoElement, course: Course, resume: Resume): void {
    const playback = new Playback({
      video,
      whep: `/whep/${encodeURIComponent(this.id)}`,
      iceServers: () => this.detour().catch(() => []),
      pulse: this.pulse,
      onview: (view) => (this.view = view),
      onscreen: (screen, camera) => {
        this.screen = screen;
        this.camera = camera;
      },
      onhold: () => this.onhold?.(),
      needed: (ms) => Math.max(ms, nextNeeded(this.watched, ms / 1000) * 1000),
      choice: remembered(safeStorage()),
      media: this.access,
      onbreak: () => this.report(),
      onmode: () => void this.learn(),
    });
    this.playback = playback;
    this.view = playback.view;
    playback.start(resume, course.broadcast);
    // Another device plays: it goes on until the reader says otherwise.
    if (resume.elsewhere) this.yield(resume.elsewhere.device);
    else void this.claim();
    if (course.broadcast) this.startReporting(course.broadcast.id);
    this.socket.start();
    void this.questions.load();
    this.every(tickEvery, () => playback.tick());
    this.every(reportEvery, () => this.view?.state === 'playing' && this.report());
    this.every(1000, () => (this.fresh = wholeSeconds(playback.meter.peek())));
    this.every(learnEvery, () => this.view?.mode === 'live' && this.view.transport === 'hls' && void this.learn());
    const untilStart = () => (this.untilStart = Date.parse(course.start) - Date.now());
    this.every(1000, untilStart);
    untilStart();
    document.addEventListener('visibilitychange', this.visible);
    window.addEventListener('pagehide', this.hide);
    window.addEventListener('online', this.online);
  }

  /** Ways round a network that blocks UDP, which few need. */
  private async detour(): Promise<RTCIceServer[]> {
    this.relay ??= (await import('../shared/ice')).iceServersOf(this.id);
    return this.relay();
  }

  /** Somebody has decided whether this person is on the panel, or something is new there. */
  private seat(said: PanelMessage): void {
    this.panel = standing(this.panel, said);
  }

  /** The panel is heard instead, or no longer. The lecture plays on in silence, so that no second is lost. */
  hush(on: boolean): void {
    this.playback?.setMuted(on);
  }

  /** The small pictures of the recording, if there are any. */
  get storyboard(): string | undefined {
    const address = this.view?.mode === 'replay' ? this.course?.recording?.storyboard : undefined;
    return address ? this.access.at(address) : undefined;
  }

  /** A still of the recording, if there is one. */
  get poster(): string | undefined {
    const address = this.view?.mode === 'replay' ? this.course?.recording?.poster : undefined;
    return address ? this.access.at(address) : undefined;
  }

  /** The playlist of who speaks beside a shared screen. */
  get speaker(): string | undefined {
    const address = this.resume?.speaker.hls;
    return address && this.access.at(address);
  }

  /** Media comes from another host, which wants its cookies sent on purpose. */
  get foreign(): boolean {
    return this.access.foreign;
  }

  /** Chooses what is received, here and the next time. */
  choose(choice: Choice): void {
    remember(safeStorage(), choice);
    this.playback?.choose(choice);
  }

  /** What the controls do. */
  /** Watches here, and on no other device. */
  async watchHere(): Promise<void> {
    await this.claim();
    this.playback?.play();
  }

  private async claim(): Promise<void> {
    try {
      const { fence } = await api.startPlaying(this.id, this.player);
      this.fence = fence;
      this.elsewhere = undefined;
    } catch {
      // Nobody is told; what is played here counts as long as no other device asks.
    }
  }

  /** Another device plays from now on. What was played here until now is still reported. */
  private yield(device: string): void {
    this.report();
    this.playback?.pause();
    this.elsewhere = device;
  }

  get controls(): Playback | undefined {
    return this.playback;
  }

  /** Ends everything. */
  close(): void {
    this.leave();
    this.timers.forEach(clearInterval);
    document.removeEventListener('visibilitychange', this.visible);
    window.removeEventListener('pagehide', this.hide);
    window.removeEventListener('online', this.online);
    this.playback?.destroy();
    this.captions?.end();
    this.access.close();
    this.socket.stop();
  }

  private every(ms: number, run: () => unknown): void {
    this.timers.push(setInterval(run, ms));
  }

  private readonly visible = (): void => {
    if (document.visibilityState === 'hidden') this.leave();
    else this.playback?.nudge();
  };

  /** The last moment a page can rely on. */
  private readonly leave = (): void => {
    this.report();
    this.reporter?.leave();
  };

  /** The page goes, unless it is kept to come back: without a word the server would fill the line with its picture for half a minute. */
  private readonly hide = (event: PageTransitionEvent): void => {
    this.leave();
    if (!event.persisted) this.playback?.destroy();
  };

  private readonly online = (): void => this.playback?.nudge();

  private startReporting(broadcast: string): void {
    if (this.reporter || !this.me) return;
    this.reporter = new Reporter({
      person: this.me.person.id,
      course: this.id,
      broadcast,
      send: (report) => this.socket.send(report),
      beacon: (reports) => api.beaconReports(this.id, reports),
      storage: safeStorage(),
      player: this.player,
    });
    this.reporter.resend();
  }

  private report(): void {
    const { playback, view } = this;
    if (!playback || !view || !this.reporter) return;
    const spans = playback.meter.take();
    if (spans.length === 0) return;
    this.reported = normalise([...this.reported, ...wholeSeconds(spans)]);
    this.reporter.report(spans, {
      position_ms: Math.round(view.position),
      rate: view.rate,
      muted: view.muted,
      visible: document.visibilityState !== 'hidden',
    });
  }

  private async loadChapters(): Promise<void> {
    try {
      this.chapters = await api.chapters(this.id);
    } catch {
      // The next question or welcome reads them.
    }
  }

  private async loadCaptions(): Promise<void> {
    try {
      const { Captions } = await import('./captions.svelte');
      this.captions ??= new Captions(this.id);
      await this.captions.load();
    } catch {
      // The next welcome of the socket loads them.
    }
  }

  /** Reads the resume answer again: a newer edit list, and what the ledger says. */
  private async learn(): Promise<void> {
    try {
      // After the end there is a recording with pictures of its own, or none.
      if (this.view?.mode !== 'live') this.course = await api.course(this.id);
      const resume = await api.resume(this.id);
      this.playback?.learn(resume);
      this.take(resume);
    } catch {
      // The next turn reads it.
    }
  }

  private take(resume: Resume): void {
    this.resume = resume;
    this.reported = normalise([...this.reported, ...(resume.watched ?? [])]);
  }
}

function wholeSeconds(spans: readonly PlayedSpan[]): SpanS[] {
  return spans.map((span): SpanS => [Math.round(span.from_ms / 1000), Math.round(span.to_ms / 1000)]);
}

/** The moment that the page's address asks for: ?t=90 or #t=90, in seconds. */
function linkSeconds(): number | undefined {
  const said = new URLSearchParams(location.search).get('t') ?? /^#t=(\d+)/.exec(location.hash)?.[1];
  const seconds = Number(said);
  return said && Number.isFinite(seconds) && seconds >= 0 ? Math.floor(seconds) : undefined;
}

function safeStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
