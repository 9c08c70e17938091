/** hls.js stays a second further behind after each stall, for good. When it has been calm for long enough, it may come back. */

const first = 15_000;
const most = 240_000;

export class Calm {
  private since: number | undefined;
  private patience = first / 2;

  /** The picture has stood still. Each time, it takes twice as long until that is forgotten. */
  stalled(now: number): void {
    if (this.since === undefined || now - this.since > 2_000) this.patience = Math.min(2 * this.patience, most);
    this.since = now;
  }

  /** True once, when what happened is long enough ago. */
  over(now: number): boolean {
    if (this.since === undefined || now - this.since < this.patience) return false;
    this.since = undefined;
    return true;
  }
}
