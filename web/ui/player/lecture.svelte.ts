/** One lecture on one page: joins the API, the socket, the playback and the reports, and keeps what the components draw. */
import * as api from '../shared/api';
import type { Course, Me, Resume, SpanS } from '../shared/api';
import { iceServersOf } from '../shared/ice';
import type { PanelMessage } from '../shared/messages';
import { Pulse } from '../shared/pulse';
import { Socket, type SocketState } from '../shared/socket';
import { gaps, normalise, total } from '../shared/spans';
import type { PlayedSpan } from './meter';
import { Playback, type View } from './playback';
import { Questions } from './questions.svelte';
import { Reporter } from './reporter';

const reportEvery = 10_000;
const tickEvery = 250;
/** While the recording grows and is being played, its edit list is read this often. */
const learnEvery = 15_000;

export class Lecture {
  readonly id: string;
  readonly questions: Questions;
  course = $state.raw<Course>();
  me = $state.raw<Me>();
  resume = $state.raw<Resume>();
  failure = $state.raw<unknown>();
  view = $state.raw<View>();
  /** What the second <video> shows while a screen is shared and WebRTC plays. */
  screen = $state.raw<MediaStream>();
  socketState = $state<SocketState>('closed');
  viewers = $state(0);
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

  constructor(id: string) {
    this.id = id;
    this.questions = new Questions(id);
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
          void this.questions.load();
        },
        broadcast: (broadcast) => {
          this.playback?.broadcast(broadcast);
          this.startReporting(broadcast.id);
        },
        viewers: (viewers) => (this.viewers = viewers),
        question: (question) => this.questions.take(question),
        panel: (panel) => this.seat(panel),
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
      iceServers: iceServersOf(this.id),
      pulse: this.pulse,
      onview: (view) => (this.view = view),
      onscreen: (screen) => (this.screen = screen),
      onbreak: () => this.report(),
      onmode: () => void this.learn(),
    });
    this.playback = playback;
    this.view = playback.view;
    playback.start(resume, course.broadcast);
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

  /** Somebody has decided whether this person is on the panel; a message without a person says only that something is new there. */
  private seat(said: PanelMessage): void {
    if (!said.person) this.panel = this.panel && { ...said };
    else if (said.member) this.panel = this.panel && !('on_air' in said || 'muted' in said) ? this.panel : said;
    else this.panel = undefined;
  }

  /** The panel is heard instead, or no longer. The lecture plays on in silence, so that no second is lost. */
  hush(on: boolean): void {
    this.playback?.setMuted(on);
  }

  /** What the controls do. */
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

  /** Reads the resume answer again: a newer edit list, and what the ledger says. */
  private async learn(): Promise<void> {
    try {
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
