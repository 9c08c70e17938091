/**
 * When to try WebRTC again after it did not get through: seldom, more seldom each time, and not so that a picture goes to and fro.
 * Pure: the clock is an argument, in ms.
 */

/** The first try, ms after the fall. A full node or a lost lift is over by then. */
const first = 15_000;
const longest = 300_000;
/** A return that lasts this long was a good one: the next fall begins with the first pause again. */
const settled = 120_000;
/** Even when the network has just changed, tries are this far apart. */
const apart = 5_000;

export class Comeback {
  private tries = 0;
  private dueAt = Infinity;
  private triedAt = -Infinity;
  private returnedAt = -Infinity;
  private waits = false;
  /** The network has changed during a try. */
  private hinted = false;
  private readonly random: () => number;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** WebRTC did not get through, or stopped to. */
  fell(now: number): void {
    if (now - this.returnedAt >= settled) this.tries = 0;
    this.wait(now);
  }

  /** A try did not get through, or was not good enough. */
  failed(now: number): void {
    this.wait(now);
  }

  /** WebRTC is shown again. */
  returned(now: number): void {
    this.waits = this.hinted = false;
    this.dueAt = Infinity;
    this.returnedAt = now;
  }

  /** The network has changed: what did not get through before may now. */
  hint(now: number): void {
    if (this.waits) this.dueAt = Math.min(this.dueAt, Math.max(now, this.triedAt + apart));
    else this.hinted = true;
  }

  /** Whether to try now. True once for each try, whose outcome is to be told by `failed` or `returned`. */
  due(now: number): boolean {
    if (now < this.dueAt) return false;
    this.triedAt = now;
    this.dueAt = Infinity;
    this.waits = this.hinted = false;
    return true;
  }

  private wait(now: number): void {
    const pause = Math.min(longest, first * 2 ** Math.min(this.tries++, 10));
    // Spread, so that a room which fell together does not knock together.
    this.dueAt = now + pause * (1 + this.random() / 4);
    this.waits = true;
    if (this.hinted) this.hint(now);
  }
}
