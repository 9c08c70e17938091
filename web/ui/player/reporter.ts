/**
 * Sends what was watched and keeps it until the server has committed it: over the socket while there is one, by beacon when the page
 * is hidden, from storage after a reload or a crash. Player and sequence name a report, so sending one twice counts once.
 */
import type { Ack, Report } from '../shared/api';
import { join, type PlayedSpan } from './meter';

/** How the player stands when it reports. */
export interface Standing {
  position_ms: number;
  rate: number;
  muted: boolean;
  visible: boolean;
}

export interface ReporterOptions {
  person: string;
  course: string;
  broadcast: string;
  /** Sends over the socket; false when it is not open. */
  send: (report: Report) => boolean;
  /** Hands reports to the browser for sending after the page is gone; false when it refuses. */
  beacon: (reports: Report[]) => boolean;
  storage?: Storage | undefined;
  /** Random name of this page load. */
  player?: string;
}

/** The server takes at most this many spans in one report. */
const mostSpans = 64;
/** Reports kept at most: with joining while offline, far more than a lecture needs. */
const mostKept = 200;

export class Reporter {
  private readonly options: ReporterOptions;
  private readonly player: string;
  private readonly key: string;
  private seq = 0;
  private waiting: Report[] = [];
  /** Reports that went out at least once; they must not change any more. */
  private sent = new Set<string>();

  constructor(options: ReporterOptions) {
    this.options = options;
    this.player = options.player ?? randomName();
    // The person is part of the key: on a shared computer nobody is credited with what another watched.
    this.key = `lectern.reports.${options.person}.${options.course}.`;
    this.waiting = this.adopt();
  }

  /** How many reports wait for the server's receipt. */
  get pending(): number {
    return this.waiting.length;
  }

  /** Reports spans; an empty list still tells the position. */
  report(spans: readonly PlayedSpan[], standing: Standing): void {
    const last = this.waiting[this.waiting.length - 1];
    if (last && last.player === this.player && !this.sent.has(name(last)) && last.spans.length + spans.length <= mostSpans) {
      // Offline: one report grows instead of a queue.
      Object.assign(last, standing, { spans: join([...last.spans, ...spans]) });
      this.transmit(last);
    } else {
      for (let at = 0; at === 0 || at < spans.length; at += mostSpans) {
        const report: Report = {
          player: this.player,
          seq: ++this.seq,
          broadcast: this.options.broadcast,
          spans: spans.slice(at, at + mostSpans),
          ...standing,
        };
        this.waiting.push(report);
        this.transmit(report);
      }
    }
    if (this.waiting.length > mostKept) this.waiting.splice(0, this.waiting.length - mostKept);
    this.save();
  }

  /** The server has committed a report, or refused it for good. */
  acked(ack: Pick<Ack, 'player' | 'seq'>): void {
    this.waiting = this.waiting.filter((report) => name(report) !== name(ack));
    this.sent.delete(name(ack));
    this.save();
    if (ack.player !== this.player) this.forget(ack.player);
  }

  /** The socket is open (again): everything without a receipt goes out once more. */
  resend(): void {
    for (const report of this.waiting) this.transmit(report);
  }

  /** The page is going: hands everything to the browser. It stays here until a receipt comes, because a beacon gives none. */
  leave(): void {
    const some = this.waiting.slice(-20);
    if (some.length > 0 && this.options.beacon(some)) some.forEach((report) => this.sent.add(name(report)));
    this.save();
  }

  private transmit(report: Report): void {
    if (this.options.send(report)) this.sent.add(name(report));
  }

  private save(): void {
    const { storage } = this.options;
    try {
      const own = this.waiting.filter((report) => report.player === this.player);
      if (own.length === 0) storage?.removeItem(this.key + this.player);
      else storage?.setItem(this.key + this.player, JSON.stringify(own));
    } catch {
      // Storage is full or forbidden: the reports stay in memory.
    }
  }

  /** Reports which an earlier load of the page could not deliver. */
  private adopt(): Report[] {
    const found: Report[] = [];
    try {
      const { storage } = this.options;
      for (let at = 0; storage && at < storage.length; at++) {
        const key = storage.key(at);
        if (key?.startsWith(this.key)) found.push(...(JSON.parse(storage.getItem(key) ?? '[]') as Report[]));
      }
    } catch {
      // Unreadable storage: nothing to adopt.
    }
    return found.filter((report) => report.broadcast === this.options.broadcast).slice(-mostKept);
  }

  private forget(player: string): void {
    try {
      if (!this.waiting.some((report) => report.player === player)) this.options.storage?.removeItem(this.key + player);
    } catch {
      // Forbidden storage held nothing.
    }
  }
}

const name = (report: Pick<Report, 'player' | 'seq'>) => `${report.player}/${report.seq}`;

/** 96 random bits in letters that a URL takes. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
