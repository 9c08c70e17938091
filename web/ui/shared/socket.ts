/**
 * The page's socket: gets a ticket, says hello, comes back by itself after every loss, and delivers reports until the server has
 * committed them. The page gives handlers and hears plain messages; what it may have missed it reads again when it is welcomed.
 */
import { Problem, isSignedOut, ticket, type Ack, type CaptionMessage, type Question, type Report, type Ticket } from './api';
import {
  closeCodes,
  helloFrame,
  known,
  parse,
  reportFrame,
  subprotocol,
  type BroadcastMessage,
  type ErrorMessage,
  type PanelMessage,
  type Place,
  type PlayingMessage,
  type RecordingMessage,
  type ServerMessage,
  type Welcome,
} from './messages';
import type { Pulse } from './pulse';
import { backoff } from './rtc';
import { ServerClock } from './server-clock';

/**
 * connecting: the first try is under way. open: welcomed. down: it was lost, or could not be had, and is tried again. out: nobody is
 * signed in any more. refused: there is no such course for this person. closed: by the page. After the last three only `start` helps.
 */
export type SocketState = 'connecting' | 'open' | 'down' | 'out' | 'refused' | 'closed';

export interface SocketHandlers {
  state?: (state: SocketState) => void;
  /**
   * First after each connection. The broadcast in it goes to `broadcast`, too, unless it is null. With `resumed` all that was missed
   * follows; without it `resync` is called next.
   */
  welcome?: (welcome: Welcome) => void;
  /** Something may have been missed: what events tell of is to be read again. */
  resync?: () => void;
  /** On each change and every ten seconds while live; `timeline_ms` is moved to the moment of the call. */
  broadcast?: (broadcast: BroadcastMessage) => void;
  viewers?: (viewers: number) => void;
  question?: (question: Question) => void;
  /** Moderators and presenters hear when what is on air is not recorded, and when it is again. */
  recording?: (recording: RecordingMessage) => void;
  panel?: (panel: PanelMessage) => void;
  /** A live caption, or that the caption tracks have changed. */
  caption?: (caption: CaptionMessage) => void;
  playing?: (playing: PlayingMessage) => void;
  /** A report is committed. */
  ack?: (ack: Ack) => void;
  /** A report will never be accepted; it must not be sent again. */
  refused?: (report: Pick<Report, 'player' | 'seq'>, why: ErrorMessage) => void;
}

/** What a browser's WebSocket is used for, so that a test can stand in for it. */
export type Line = Pick<WebSocket, 'send' | 'close' | 'onopen' | 'onmessage' | 'onclose'>;

export interface SocketOptions {
  course: string;
  on: SocketHandlers;
  /** Shared by all of the page that talks to the server: the first try after a loss is made when the server can be reached. */
  pulse?: Pulse;
  /** For tests. */
  open?: (url: string, subprotocol: string) => Line;
  ticket?: (course: string) => Promise<Ticket>;
  monotonic?: () => number;
  random?: () => number;
}

/** From the first byte to the welcome. */
const patience = 8_000;
/** Pause between tries when there is nothing to miss. */
const idlePause = 10_000;
/** While live the server says something every ten seconds; this long without means that the line is dead. */
const silence = 25_000;
/** The server answers every report within ten seconds. */
const reportPatience = 20_000;
const checkEvery = 2_000;
/** Reports under way at a time. The server takes eight; what was sent by beacon meanwhile counts there, too. */
const reportWindow = 4;
/** Pause before a report is sent again that could not be saved. */
const reportPause = 2_000;
/** Reports kept at most; the caller keeps what does not fit. */
const mostReports = 400;

export class Socket {
  state: SocketState = 'closed';
  private readonly options: SocketOptions;
  private readonly clock: ServerClock;
  private readonly monotonic: () => number;
  private line: Line | undefined;
  private live = false;
  private tries = 0;
  /** Rises with every attempt; what an older attempt still says is ignored. */
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heardAt = 0;
  /** How far the room's events are known; the server tells what came after. */
  private place: Place | undefined;
  /** Reports without an answer, the oldest first. `sentAt` is undefined while one waits for its turn. */
  private reports = new Map<string, { report: Report; sentAt: number | undefined }>();
  private heldUntil = 0;
  private readonly online = () => this.nudge();

  constructor(options: SocketOptions) {
    this.options = options;
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.clock = new ServerClock(this.monotonic);
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.state === 'connecting' || this.state === 'open' || this.state === 'down') return;
    this.tries = 0;
    this.enter('connecting');
    globalThis.addEventListener?.('online', this.online);
    void this.connect();
  }

  /** Closes for good, unless started again. */
  stop(): void {
    this.end('closed');
  }

  /**
   * Takes a report for delivery. False when there is no connection or too much waits: the caller keeps it and offers it again on the
   * next welcome. Offered twice, it is sent once. What was taken is sent again after a lost connection until `ack` or `refused`.
   */
  send(report: Report): boolean {
    const name = nameOf(report);
    if (this.reports.has(name)) return true;
    if (this.state !== 'open' || this.reports.size >= mostReports) return false;
    this.reports.set(name, { report, sentAt: undefined });
    this.deliver();
    return true;
  }

  /** Something suggests that the network is back: tries at once. */
  nudge(): void {
    if (this.state === 'down' && this.timer !== undefined && !this.line) void this.connect();
  }

  /** The server's clock in ms since 1970; undefined before the first welcome. */
  serverNow(): number | undefined {
    return this.clock.now();
  }

  private enter(state: SocketState): void {
    if (this.state === state) return;
    this.state = state;
    this.options.on.state?.(state);
  }

  private end(state: 'out' | 'refused' | 'closed'): void {
    globalThis.removeEventListener?.('online', this.online);
    this.drop();
    this.reports.clear();
    this.enter(state);
  }

  /** Forgets the connection, and whatever it may still say. */
  private drop(): void {
    this.attempt++;
    clearTimeout(this.timer);
    this.timer = undefined;
    const { line } = this;
    this.line = undefined;
    if (!line) return;
    line.onopen = line.onmessage = line.onclose = null;
    line.close();
  }

  private async connect(): Promise<void> {
    this.drop();
    const { attempt } = this;
    let granted: Ticket;
    try {
      granted = await (this.options.ticket ?? ticket)(this.options.course);
    } catch (error) {
      if (attempt === this.attempt) this.noTicket(error);
      return;
    }
    if (attempt !== this.attempt) return;
    const line = (this.options.open ?? openSocket)(granted.socket, subprotocol);
    this.line = line;
    line.onopen = () => line.send(helloFrame(granted.ticket, this.place));
    line.onmessage = (event: MessageEvent) => this.hear(parse(event.data));
    line.onclose = (event: CloseEvent) => this.lost(event.code);
    this.timer = setTimeout(() => this.lost(0), patience);
  }

  private noTicket(error: unknown): void {
    if (isSignedOut(error)) return this.end('out');
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) return this.end('refused');
    this.again(error instanceof Problem ? (error.retryAfter ?? 0) * 1000 : 0);
  }

  /** The connection is gone, or as good as gone (code 0). */
  private lost(code: number): void {
    if (code === closeCodes.signedOut) return this.end('out');
    this.again(code === closeCodes.tooFast ? idlePause : 0);
  }

  /** Tries again after the pause that is due, or a longer one that the server asked for. */
  private again(least: number): void {
    this.drop();
    if (this.state === 'open') this.tries = 0;
    this.enter('down');
    const random = this.options.random ?? Math.random;
    const pause = this.live ? backoff(this.tries, random) : idlePause * (1 - random() / 2);
    const first = this.tries++ === 0;
    const { pulse } = this.options;
    if (this.live && first && pulse && least === 0) return void this.whenReached(pulse, pause);
    this.timer = setTimeout(() => void this.connect(), Math.max(pause, least));
  }

  /** Media goes first when a room comes back, so there is a short pause of another length for everybody. */
  private async whenReached(pulse: Pulse, most: number): Promise<void> {
    const { attempt } = this;
    await pulse.back();
    if (attempt !== this.attempt) return;
    this.timer = setTimeout(() => void this.connect(), most * (this.options.random ?? Math.random)());
  }

  private hear(message: ServerMessage | null): void {
    this.heardAt = this.monotonic();
    if (!message) return;
    const { on } = this.options;
    switch (message.type) {
      case 'welcome':
        return this.welcomed(message.data);
      case 'events':
        if (message.data.offset) this.place = message.data;
        return message.data.events.forEach((event) => this.hear(known(event)));
      case 'resync':
        return void setTimeout(() => this.state === 'open' && on.resync?.(), (this.options.random ?? Math.random)() * idlePause);
      case 'broadcast':
        this.clock.hear(message.data.server_time);
        return this.broadcast(message.data);
      case 'presence':
        return on.viewers?.(message.data.viewers);
      case 'recording':
        return on.recording?.(message.data);
      case 'question':
        return on.question?.(message.data.question);
      case 'panel':
        return on.panel?.(message.data);
      case 'caption':
        return on.caption?.(message.data);
      case 'playing':
        return on.playing?.(message.data);
      case 'ack':
        this.reports.delete(nameOf(message.data));
        on.ack?.(message.data);
        return this.deliver();
      case 'error':
        return this.failed(message.data);
    }
  }

  private welcomed(welcome: Welcome): void {
    this.clock.reset();
    this.clock.hear(welcome.server_time);
    clearTimeout(this.timer);
    this.check();
    for (const waiting of this.reports.values()) waiting.sentAt = undefined;
    this.heldUntil = 0;
    this.live = welcome.broadcast?.state === 'live';
    this.enter('open');
    this.place = welcome;
    this.options.on.welcome?.(welcome);
    this.options.on.viewers?.(welcome.viewers);
    if (welcome.broadcast) this.broadcast(welcome.broadcast);
    if (!welcome.resumed) this.options.on.resync?.();
    this.deliver();
  }

  private broadcast(said: BroadcastMessage): void {
    this.live = said.state === 'live';
    const late = Math.max(0, (this.clock.now() ?? said.server_time) - said.server_time);
    this.options.on.broadcast?.({
      ...said,
      timeline_ms: this.live ? said.timeline_ms + late : said.timeline_ms,
      server_time: said.server_time + late,
    });
  }

  private failed(error: ErrorMessage): void {
    const name = nameOf({ player: error.player ?? '', seq: error.seq ?? 0 });
    const waiting = this.reports.get(name);
    if (!waiting) return;
    if (error.code === 'busy' || error.code === 'unavailable') {
      waiting.sentAt = undefined;
      this.heldUntil = this.monotonic() + reportPause;
      return; // check() sends it again
    }
    this.reports.delete(name);
    this.options.on.refused?.(waiting.report, error);
    this.deliver();
  }

  /** Sends what waits, in order, as far as the window allows. */
  private deliver(): void {
    if (this.state !== 'open' || !this.line || this.monotonic() < this.heldUntil) return;
    let underWay = 0;
    for (const waiting of this.reports.values()) {
      if (underWay >= reportWindow) return;
      underWay++;
      if (waiting.sentAt !== undefined) continue;
      waiting.sentAt = this.monotonic();
      this.line.send(reportFrame(waiting.report));
    }
  }

  /** Looks every two seconds whether the line still lives, because a dead one does not say so for minutes. */
  private check(): void {
    this.timer = setTimeout(() => {
      const now = this.monotonic();
      const unanswered = [...this.reports.values()].some(({ sentAt }) => sentAt !== undefined && now - sentAt > reportPatience);
      if (unanswered || (this.live && now - this.heardAt > silence)) return this.lost(0);
      this.check();
      this.deliver();
    }, checkEvery);
  }
}

const nameOf = (report: Pick<Report, 'player' | 'seq'>) => `${report.player}/${report.seq}`;

/** Opens a browser's WebSocket; `path` is on this page's host. Old browsers want the full address. */
function openSocket(path: string, protocol: string): WebSocket {
  return new WebSocket(new URL(path, location.href).href.replace(/^http/, 'ws'), protocol);
}
