/** From counted people per step to what is drawn: stacked steps, axes, end labels and the findings said in words. */
import type { Analytics, Provenance } from '../shared/api';

export type Curve = Analytics['curve'];

/** How a second was watched, from the bottom of the stack to its top. */
export const provenances: readonly Provenance[] = ['live', 'dvr', 'replay'];

/** One value per step of the timeline. */
export type Series = readonly number[];

/** A box in pixels; y grows downwards as in SVG. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The length of the curve in seconds of the timeline. */
export function lengthOf(curve: Curve): number {
  return Math.max(...provenances.map((name) => curve[name].length), 0) * curve.step_s;
}

/** People at each step over all provenances. Each person is counted once by the server, so that the sum is a number of people. */
export function totalOf(curve: Curve): number[] {
  return Array.from({ length: lengthOf(curve) / curve.step_s }, (_, i) =>
    provenances.reduce((sum, name) => sum + (curve[name][i] ?? 0), 0),
  );
}

/** A curve with fewer steps, each of them a real one of the full curve. */
export interface Sampled {
  readonly live: number[];
  readonly dvr: number[];
  readonly replay: number[];
  /** How many steps of the full curve each one stands for. */
  readonly per: number;
}

/**
 * Keeps at most `most` steps: of neighbours the one with most people, so that a peak of one second does not vanish
 * because the screen is narrow, and the three values of a step still belong together.
 */
export function sample(curve: Curve, most: number): Sampled {
  const total = totalOf(curve);
  const per = Math.max(1, Math.ceil(total.length / Math.max(1, most)));
  const sampled: Sampled = { live: [], dvr: [], replay: [], per };
  for (let from = 0; from < total.length; from += per) {
    const group = total.slice(from, from + per);
    const at = from + group.indexOf(Math.max(...group));
    for (const name of provenances) sampled[name].push(curve[name][at] ?? 0);
  }
  return sampled;
}

/** Adds each series to those below it; the last one is the height of the whole stack. */
export function stack(layers: readonly Series[]): number[][] {
  const length = Math.max(0, ...layers.map((layer) => layer.length));
  const floor = new Array<number>(length).fill(0);
  return layers.map((layer) => floor.map((below, i) => (floor[i] = below + (layer[i] ?? 0))));
}

/** Round values from 0 to at least `max`, about `lines` of them, for hairlines; people are whole, so steps are at least 1. */
export function ticks(max: number, lines = 4): number[] {
  const raw = Math.max(max, 1) / lines;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw) ?? raw);
  const whole = Number.isInteger(step) ? step : Math.ceil(step);
  return Array.from({ length: Math.ceil(Math.max(max, 1) / whole) + 1 }, (_, i) => i * whole);
}

const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** Round moments from 0 to at most `length` seconds, `most` or fewer. */
export function timeTicks(length: number, most: number): number[] {
  const step =
    timeSteps.find((each) => length / each <= Math.max(1, most)) ?? Math.ceil(length / Math.max(1, most) / 3600) * 3600;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}

/** Steps narrower than this are drawn as a line through their middles: as stairs they would only look rough. */
const stairs = 4;

/** The corners of the upper edge from left to right: two per step as stairs, else one, with the first and last on the edges of the box. */
function corners(values: Series, top: number, box: Box): [number, number][] {
  const across = box.width / Math.max(1, values.length);
  const y = (value: number) => round(box.top + box.height * (1 - value / top));
  const x = (i: number) => round(box.left + i * across);
  if (across >= stairs) {
    return values.flatMap((value, i): [number, number][] => [
      [x(i), y(value)],
      [x(i + 1), y(value)],
    ]);
  }
  const middles = values.map((value, i): [number, number] => [x(i + 0.5), y(value)]);
  return [[x(0), y(values[0] ?? 0)], ...middles, [x(values.length), y(values[values.length - 1] ?? 0)]];
}

function through(points: readonly [number, number][]): string {
  return points.map(([x, y]) => `${x} ${y}`).join('L');
}

/** The upper edge of a series as an SVG path; the value of a second holds for the whole second. */
export function line(values: Series, top: number, box: Box): string {
  return values.length === 0 ? '' : `M${through(corners(values, top, box))}`;
}

/** The area between the series and the one below it, as a closed SVG path. */
export function area(values: Series, below: Series, top: number, box: Box): string {
  if (values.length === 0) return '';
  const floor = corners(
    values.map((_, i) => below[i] ?? 0),
    top,
    box,
  ).reverse();
  return `${line(values, top, box)}L${through(floor)}Z`;
}

/** Moves labels apart so that neighbours keep `gap` pixels, inside [from, to], in the order given (top of the stack first). */
export function spread(wanted: readonly number[], gap: number, from: number, to: number): number[] {
  const at = [...wanted];
  for (let i = 0; i < at.length; i++) at[i] = Math.max(at[i] ?? from, i === 0 ? from : (at[i - 1] ?? from) + gap);
  for (let i = at.length - 1; i >= 0; i--) at[i] = Math.min(at[i] ?? to, i === at.length - 1 ? to : (at[i + 1] ?? to) - gap);
  return at;
}

/** The highest value and the second at which it was first reached; null when nobody was there. */
export function peak(series: Series, step: number): { readonly value: number; readonly at: number } | null {
  const value = Math.max(0, ...series);
  return value === 0 ? null : { value, at: series.indexOf(value) * step };
}

/** Players report every 10 s, and a report may be a few seconds under way: younger seconds are still being counted. */
export const reportLag = 15;

/** How many steps at the end of a live curve are still being counted; a curve keeps at least its first step. */
export function unsettled(curve: Curve): number {
  const steps = lengthOf(curve) / curve.step_s;
  return Math.max(0, Math.min(Math.ceil(reportLag / curve.step_s), steps - 1));
}

/** The first steps of a curve. */
export function firstSteps(curve: Curve, steps: number): Curve {
  return {
    step_s: curve.step_s,
    live: curve.live.slice(0, steps),
    dvr: curve.dvr.slice(0, steps),
    replay: curve.replay.slice(0, steps),
  };
}

/** One row of the table under the curve: means over [from, to) in people, questions as their number. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly live: number;
  readonly dvr: number;
  readonly replay: number;
  readonly questions: number;
}

/** Cuts the curve into at most `most` equal rows of round length. */
export function intervals(curve: Curve, questions: Series, most = 12): Interval[] {
  const length = lengthOf(curve);
  if (length === 0) return [];
  const rowLength = Math.max(curve.step_s, timeSteps.find((each) => length / each <= most) ?? Math.ceil(length / most));
  const rowsNeeded = Math.ceil(length / rowLength);
  return Array.from({ length: rowsNeeded }, (_, i) => {
    const from = i * rowLength;
    const to = Math.min(from + rowLength, length);
    const cut = (series: Series) => series.slice(Math.floor(from / curve.step_s), Math.ceil(to / curve.step_s));
    const mean = (series: Series) => Math.round(sum(cut(series)) / Math.max(1, cut(series).length));
    return { from, to, live: mean(curve.live), dvr: mean(curve.dvr), replay: mean(curve.replay), questions: sum(cut(questions)) };
  });
}

/** Joins neighbouring steps into at most `most` bars by adding them. */
export function bars(series: Series, most: number): number[] {
  const per = Math.max(1, Math.ceil(series.length / Math.max(1, most)));
  return Array.from({ length: Math.ceil(series.length / per) }, (_, i) => sum(series.slice(i * per, (i + 1) * per)));
}

/** The share of the live peak that was still there over the last tenth of the lecture; null when nobody came live. */
export function stayed(curve: Curve): number | null {
  const top = peak(curve.live, curve.step_s);
  if (!top) return null;
  const tail = curve.live.slice(Math.floor(curve.live.length * 0.9));
  return Math.min(1, sum(tail) / Math.max(1, tail.length) / top.value);
}

/** The largest loss of live viewers within a minute, when it is at least a tenth of the peak; nobody leaves before the peak is half reached. */
export function dip(curve: Curve): { readonly from: number; readonly to: number; readonly lost: number } | null {
  const top = peak(curve.live, curve.step_s);
  const window = Math.max(1, Math.round(60 / curve.step_s));
  // The last two minutes are the end of the lecture, not a finding.
  const last = curve.live.length - window - Math.round(120 / curve.step_s);
  let found: { from: number; to: number; lost: number } | null = null;
  for (let i = 0; i < last; i++) {
    const lost = (curve.live[i] ?? 0) - (curve.live[i + window] ?? 0);
    if (lost > (found?.lost ?? 0)) found = { from: i * curve.step_s, to: (i + window) * curve.step_s, lost };
  }
  return top && top.value >= 10 && found && found.lost >= top.value * 0.1 ? found : null;
}

function sum(series: Series): number {
  return series.reduce((total, each) => total + each, 0);
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
