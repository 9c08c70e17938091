/** The clock of a lecture: where its live edge is now, between the messages that say so. */

/** What the socket and the API say of a broadcast. */
export interface BroadcastState {
  id: string;
  state: 'live' | 'ended';
  timeline_ms: number;
  presenter: 'connected' | 'gone';
  /** A screen is shown besides the camera. */
  sharing?: boolean | undefined;
}

export class Timeline {
  private said: BroadcastState | undefined;
  private heardAt = 0;
  private readonly now: () => number;

  /** `now` is a monotonic clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Takes a message at the moment it arrives. The way it took makes us late by that much, never early. */
  set(state: BroadcastState): void {
    this.said = state;
    this.heardAt = this.now();
  }

  get live(): boolean {
    return this.said?.state === 'live';
  }

  /** The live edge in ms; after the end, the length. */
  get edge(): number {
    if (!this.said) return 0;
    return this.said.timeline_ms + (this.live ? this.now() - this.heardAt : 0);
  }
}
