/**
 * Measures what was really played, as spans of the session timeline. It is fed several times a second and believes only positions that
 * moved no faster than the clock allows; a seek, a stall or a jump starts a new span. The server decides what counts.
 */
import type { Provenance } from '../shared/api';

export interface PlayedSpan {
  from_ms: number;
  to_ms: number;
  as: Provenance;
}

/** How much further than the clock a position may be and still count as played on, in ms: timers are late, positions come in frames. */
const slack = 400;
/** Shorter pieces are noise of seeking. */
const shortest = 200;

export class Meter {
  private spans: PlayedSpan[] = [];
  private open: PlayedSpan | undefined;
  private at = 0;

  /** The media plays and stands at `position` ms of the timeline; `now` is a monotonic clock in ms. */
  play(position: number, as: Provenance, rate: number, now: number): void {
    const span = this.open;
    if (span) {
      const moved = position - span.to_ms;
      const allowed = (now - this.at) * Math.max(rate, 0.1) + slack;
      if (moved >= -slack && moved <= allowed) {
        span.to_ms = Math.max(span.to_ms, position);
        this.at = now;
        if (span.as === as) return;
      }
    }
    this.cut();
    this.open = { from_ms: position, to_ms: position, as };
    this.at = now;
  }

  /** The media does not play on: paused, seeking, stalled, gone. */
  cut(): void {
    if (this.open && this.open.to_ms - this.open.from_ms >= shortest) this.spans.push(this.open);
    this.open = undefined;
  }

  /** What was played since the last `take`, for showing it at once. */
  peek(): PlayedSpan[] {
    return this.open ? [...this.spans, this.open] : this.spans;
  }

  /** Hands out what was played since the last call, in whole milliseconds; playing goes on without a hole. */
  take(): PlayedSpan[] {
    const { open } = this;
    this.cut();
    if (open) this.open = { from_ms: open.to_ms, to_ms: open.to_ms, as: open.as };
    const out = this.spans.map((span) => ({ ...span, from_ms: Math.floor(span.from_ms), to_ms: Math.floor(span.to_ms) }));
    this.spans = [];
    return join(out);
  }
}

/** Joins neighbours of one kind that touch. */
export function join(spans: readonly PlayedSpan[]): PlayedSpan[] {
  const out: PlayedSpan[] = [];
  for (const span of spans) {
    const last = out[out.length - 1];
    if (last && last.as === span.as && last.to_ms === span.from_ms) last.to_ms = span.to_ms;
    else out.push({ ...span });
  }
  return out;
}
