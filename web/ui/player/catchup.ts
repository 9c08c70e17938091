/** Catching up with a lecture that goes on: what to play next, and how fast. Pure. */
import type { SpanS } from '../shared/api';

/** A gap this short, in seconds, is caught up with at a speed that nobody notices; a longer one at the highest that still counts (lms.md 1.6). */
const shortGap = 60;
/** Watched pieces shorter than this, in seconds, are not worth a jump. */
const worthAJump = 4;

/** The speed for a gap of this many seconds. */
export function catchUpRate(gap: number): number {
  return gap <= shortGap ? 1.25 : 1.5;
}

/** The speed for what is buffered ahead, in seconds: fast playing must not run dry. */
export function safeRate(wanted: number, ahead: number): number {
  return wanted > 1 && ahead < 1 ? 1 : wanted;
}

/**
 * Where to go on, when only what was not watched is played: `at` itself, or the end of the watched piece it lies in. Seconds of the
 * timeline; the spans are disjoint and sorted.
 */
export function nextNeeded(watched: readonly SpanS[], at: number): number {
  const inside = watched.find(([from, to]) => from <= at && at < to);
  return inside && inside[1] - at > worthAJump ? inside[1] : at;
}

/** Seconds of a <video> that are buffered without a hole from where it stands. */
export function bufferedAhead(video: Pick<HTMLVideoElement, 'buffered' | 'currentTime'>): number {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime + 0.1 && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
  }
  return 0;
}
