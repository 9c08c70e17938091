/**
 * Finds out when the server can be reached again, for everything on a page that has lost it: one loop asks for all, cheaply and often, and
 * all go on in the same moment. A request that opens a session is too dear for that, and one that hangs in a dead network too slow.
 */
import type { Fetch } from './rtc';

export interface PulseOptions {
  /** For tests. */
  fetch?: Fetch;
  random?: () => number;
}

/**
 * How long an answer may take, in turn: short, because a packet lost in a hole of the network would hold the answer back long after the
 * hole; at times longer, for lines on which a handshake takes a second.
 */
const patience = [600, 600, 2_500];
/** Most restarts take less than this many tries; after them the pause grows to a second. */
const eagerTries = 15;
const eagerPause = 200;

export class Pulse {
  private readonly get: Fetch;
  private readonly random: () => number;
  private waiting: Promise<void> | undefined;
  private hasten: (() => void) | undefined;

  constructor(options: PulseOptions = {}) {
    this.get = options.fetch ?? ((input, init) => fetch(input, init));
    this.random = options.random ?? Math.random;
  }

  /** Resolves when the server answers, which it may do at once. */
  back(): Promise<void> {
    this.waiting ??= this.ask().finally(() => (this.waiting = undefined));
    return this.waiting;
  }

  /** The network is said to be back: asks at once instead of after the pause. */
  nudge(): void {
    this.hasten?.();
  }

  private async ask(): Promise<void> {
    for (let tries = 0; !(await this.answers(patience[tries % patience.length]!)); tries++) {
      await new Promise<void>((wake) => {
        const timer = setTimeout(wake, probePause(tries, this.random));
        this.hasten = () => (clearTimeout(timer), wake());
      });
    }
  }

  private async answers(within: number): Promise<boolean> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), within);
    try {
      const { status } = await this.get('/ping', { credentials: 'omit', cache: 'no-store', signal: abort.signal });
      // A proxy in front of a server that is down says 502, 503 or 504.
      return status < 502 || status > 504;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The pause after try number `tries` (from 0): 200 ms for three seconds, then growing to 1 s; less up to a fifth, so that a crowd spreads. */
export function probePause(tries: number, random: () => number = Math.random): number {
  return Math.min(1_000, eagerPause * 1.3 ** Math.max(0, tries - eagerTries)) * (1 - random() / 5);
}
