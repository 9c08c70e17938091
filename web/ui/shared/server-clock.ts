/** The server's clock as seen from here. */

/** How many messages are remembered: with one every ten seconds, the last five minutes. */
const remembered = 30;

/**
 * Learns the server's clock from messages that carry it. Each arrives some time after it was written, never before, so the one that
 * makes the server's clock look furthest ahead took the least time and is believed. Old ones are forgotten because clocks drift
 * apart. The computer's own calendar is not asked: it may be wrong by hours.
 */
export class ServerClock {
  private ahead: number[] = [];
  private readonly monotonic: () => number;

  /** `monotonic` is a clock in ms that never jumps. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.monotonic = monotonic;
  }

  /** Takes a message that says `serverTime` (ms since 1970) at the moment it arrives. */
  hear(serverTime: number): void {
    this.ahead.push(serverTime - this.monotonic());
    if (this.ahead.length > remembered) this.ahead.shift();
  }

  /** The server's clock now, in ms since 1970; undefined before the first message. */
  now(): number | undefined {
    if (this.ahead.length === 0) return undefined;
    return this.monotonic() + Math.max(...this.ahead);
  }

  /** Forgets everything: another server may answer now, whose clock is a little different. */
  reset(): void {
    this.ahead = [];
  }
}
