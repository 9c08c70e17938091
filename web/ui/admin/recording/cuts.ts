/** What is taken out of a recording, while an admin works on it. All values are milliseconds of the session timeline. */

/** [from, to): from is gone, to is shown again. */
export type Cut = readonly [number, number];

/** The joint nearest to a moment; joints are sorted and the recording can be cut nowhere else. */
export function nearest(joints: readonly number[], ms: number): number {
  let best = joints[0] ?? 0;
  for (const joint of joints) if (Math.abs(joint - ms) < Math.abs(best - ms)) best = joint;
  return best;
}

/** The joint so many joints away from the one nearest to a moment. */
export function step(joints: readonly number[], ms: number, by: number): number {
  const at = joints.indexOf(nearest(joints, ms));
  return joints[Math.min(joints.length - 1, Math.max(0, at + by))] ?? ms;
}

/** Puts stretches in order and joins those that touch; empty ones go. */
export function tidy(cuts: readonly Cut[]): Cut[] {
  const out: [number, number][] = [];
  for (const [from, to] of [...cuts].filter(([a, b]) => b > a).sort((a, b) => a[0] - b[0])) {
    const last = out[out.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

/** Adds a stretch, from joint to joint. */
export function add(cuts: readonly Cut[], joints: readonly number[], from: number, to: number): Cut[] {
  return tidy([...cuts, [nearest(joints, from), nearest(joints, to)]]);
}

/** Moves one end of a stretch to the joint nearest to a moment. It stays at least one joint long, and never meets its neighbours. */
export function move(cuts: readonly Cut[], joints: readonly number[], index: number, end: 0 | 1, ms: number): Cut[] {
  const cut = cuts[index];
  if (!cut) return [...cuts];
  const lower = end === 0 ? (cuts[index - 1]?.[1] ?? -Infinity) : cut[0];
  const upper = end === 0 ? cut[1] : (cuts[index + 1]?.[0] ?? Infinity);
  const first = joints[0] ?? 0;
  const last = joints[joints.length - 1] ?? 0;
  const free = joints.filter(
    (joint) =>
      (joint > lower && joint < upper) || (end === 0 ? joint === first && first > lower : joint === last && last < upper),
  );
  if (free.length === 0) return [...cuts];
  const to = nearest(free, ms);
  return cuts.map((each, at) => (at === index ? (end === 0 ? [to, each[1]] : [each[0], to]) : each));
}

/** Where to play on when a moment is taken out: the end of its stretch; undefined when it is shown. */
export function after(cuts: readonly Cut[], ms: number): number | undefined {
  return cuts.find(([from, to]) => ms >= from && ms < to)?.[1];
}

/** How much is taken out of what was recorded: holes of the recording are not counted. */
export function lengthOf(cuts: readonly Cut[], recorded: readonly { timeline_ms: number; length_ms: number }[]): number {
  let sum = 0;
  for (const [from, to] of cuts)
    for (const { timeline_ms, length_ms } of recorded)
      sum += Math.max(0, Math.min(to, timeline_ms + length_ms) - Math.max(from, timeline_ms));
  return sum;
}

export const same = (a: readonly Cut[], b: readonly Cut[]): boolean => JSON.stringify(tidy(a)) === JSON.stringify(tidy(b));

/** "1:02:05", "12:04" or "75" as milliseconds; undefined when it is no time. */
export function parseClock(text: string): number | undefined {
  const match = /^\s*(?:(?:(\d+):)?(\d{1,4}):)?(\d{1,5}(?:[.,]\d{1,3})?)\s*$/.exec(text);
  if (!match) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(',', '.'))) * 1000);
}

/** One picture of the storyboard. */
export interface Thumb {
  from: number;
  to: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Width of the file of many, which all its pictures say together. */
  sheet: number;
}

/** Reads the storyboard's WebVTT; pictures are beside it. */
export function parseStoryboard(text: string, address: string): Thumb[] {
  const cue = /(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})\s*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;
  const beside = address.slice(0, address.lastIndexOf('/') + 1);
  const thumbs = [...text.matchAll(cue)].map((m) => {
    const n = m.map(Number);
    const ms = (at: number) => ((n[at]! * 60 + n[at + 1]!) * 60 + n[at + 2]!) * 1000 + n[at + 3]!;
    return { from: ms(1), to: ms(5), url: beside + m[9]!, x: n[10]!, y: n[11]!, width: n[12]!, height: n[13]!, sheet: 0 };
  });
  const sheets = new Map<string, number>();
  for (const { url, x, width } of thumbs) sheets.set(url, Math.max(sheets.get(url) ?? 0, x + width));
  return thumbs.map((thumb) => ({ ...thumb, sheet: sheets.get(thumb.url)! }));
}

/** The pictures of a filmstrip of so many places between two moments: the last that had begun by the middle of each place. */
export function filmstrip(thumbs: readonly Thumb[], from: number, to: number, places: number): (Thumb | undefined)[] {
  return Array.from({ length: Math.max(0, places) }, (_, place) => {
    const middle = from + ((place + 0.5) * (to - from)) / places;
    return [...thumbs].reverse().find((thumb) => thumb.from <= middle) ?? thumbs[0];
  });
}
