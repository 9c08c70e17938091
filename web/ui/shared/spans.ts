/** Spans of whole seconds on the session timeline, as the span bar and the resume prompt need them. The ledger's rules are the server's. */
import type { SpanS } from './api-types';

/** Sorted, disjoint, without empty ones; touching spans become one. */
export function normalise(spans: readonly SpanS[]): SpanS[] {
  const out: SpanS[] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (to <= from) continue;
    const last = out[out.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

/** Seconds covered. The spans have to be disjoint. */
export function total(spans: readonly SpanS[]): number {
  return spans.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** What of [from, to) the spans leave open. */
export function gaps(spans: readonly SpanS[], from: number, to: number): SpanS[] {
  const out: SpanS[] = [];
  let at = from;
  for (const [start, end] of normalise(spans)) {
    if (start > at) out.push([at, Math.min(start, to)]);
    at = Math.max(at, end);
    if (at >= to) break;
  }
  if (at < to) out.push([at, to]);
  return out.filter(([a, b]) => b > a);
}

/** What the span bar draws. */
export interface BarParts {
  watched: SpanS[];
  missed: SpanS[];
  watchedLength: number;
  missedLength: number;
  /** Seconds that have not happened yet. */
  ahead: number;
  edge: number;
  length: number;
}

/** Splits a bar of `length` seconds, of which `edge` have happened. A last piece under 15 s is not called missed: its report is on the way. */
export function barParts(watched: readonly SpanS[], edge: number, length: number): BarParts {
  const end = Math.max(1, Math.floor(length));
  const happened = Math.min(end, Math.max(0, Math.floor(edge)));
  const seen = normalise(watched.map(([from, to]): SpanS => [Math.max(0, from), Math.min(to, end)]));
  const live = happened < end;
  const missed = gaps(seen, 0, happened).filter(([from, to]) => !(live && to === happened && to - from < 15));
  return {
    watched: seen,
    missed,
    watchedLength: total(seen),
    missedLength: total(missed),
    ahead: end - happened,
    edge: happened,
    length: end,
  };
}
