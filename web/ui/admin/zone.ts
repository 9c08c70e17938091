/**
 * Local times of a zone, by the browser's own time zone data. The server decides; this is for the sentence under the
 * field while the admin types, so that a time that does not exist or exists twice is seen before it is sent.
 */

/** What a local time means in a zone. */
export type Meaning =
  | { readonly kind: 'one'; readonly instant: Date }
  | { readonly kind: 'gap'; readonly from: string; readonly to: string }
  | { readonly kind: 'twice'; readonly first: Date; readonly second: Date }
  | { readonly kind: 'none' };

const local = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::00)?$/;
const hour = 3_600_000;

/** "2026-11-22T19:30" in a zone as an instant; gap and twice are the two ends of summer time. */
export function meaning(text: string, zone: string): Meaning {
  const parts = local.exec(text);
  if (!parts || !knownZone(zone)) return { kind: 'none' };
  const [year, month, day, hours, minutes] = parts.slice(1).map(Number) as [number, number, number, number, number];
  const wall = Date.UTC(year, month - 1, day, hours, minutes);
  // Offsets before and after any change near this time; every zone's offset lies within a day.
  const offsets = [...new Set([offset(wall - 26 * hour, zone), offset(wall + 26 * hour, zone), offset(wall, zone)])];
  const found = offsets
    .map((each) => wall - each)
    .filter((instant) => instant + offset(instant, zone) === wall)
    .sort((a, b) => a - b);
  const [first, second] = found;
  if (first !== undefined && second !== undefined) return { kind: 'twice', first: new Date(first), second: new Date(second) };
  if (first !== undefined) return { kind: 'one', instant: new Date(first) };
  return gap(wall, zone, offsets);
}

/** The instant as "2026-11-22T19:30" in a zone, as a datetime-local field holds it. */
export function toLocal(instant: Date, zone: string): string {
  return new Date(instant.getTime() + offset(instant.getTime(), zone)).toISOString().slice(0, 16);
}

/** Whether the browser knows the zone. */
export function knownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone !== '';
  } catch {
    return false;
  }
}

/** All zones for the choice, the reader's own first when the browser has no list. */
export function zones(own: string): string[] {
  const list = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set([...list, own, 'UTC'])].sort();
}

/** Milliseconds that the zone is ahead of UTC at an instant. */
function offset(instant: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const at: Record<string, number> = {};
  for (const part of format.formatToParts(instant)) at[part.type] = Number(part.value);
  const wall = Date.UTC(at['year'] ?? 0, (at['month'] ?? 1) - 1, at['day'], at['hour'], at['minute'], at['second']);
  return wall - Math.floor(instant / 1000) * 1000;
}

/** A time that the clocks skip: the last moment before it and the first after it, as local times of day. */
function gap(wall: number, zone: string, offsets: number[]): Meaning {
  const before = Math.min(...offsets);
  const after = Math.max(...offsets);
  // The change is where the offset turns; halving an interval of two days finds its minute in a few steps.
  let low = wall - after - 26 * hour;
  let high = wall - before + 26 * hour;
  while (high - low > 60_000) {
    const middle = Math.floor((low + high) / 2 / 60_000) * 60_000;
    if (middle <= low) break;
    if (offset(middle, zone) === after) high = middle;
    else low = middle;
  }
  const time = (instant: number) => new Date(instant).toISOString().slice(11, 16);
  return { kind: 'gap', from: time(high + before), to: time(high + after) };
}
