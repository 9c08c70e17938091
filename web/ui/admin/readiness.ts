/** What still stands between a programme and its doctors, as the admin page opens with it. */
import type { Batch, Course, Programme } from '../shared/api';

/** One thing to do, or one that is done. Presenters are missed per course, the nearest course first. */
export type Item =
  | { readonly what: 'courses' | 'moderators' | 'codes'; readonly done: false }
  | { readonly what: 'presenters'; readonly done: false; readonly course: Course; readonly more: number }
  | { readonly what: 'courses' | 'moderators' | 'codes'; readonly done: true; readonly count: number }
  | { readonly what: 'presenters'; readonly done: true };

/** How a batch of codes stands at a moment. `left` counts registrations, not codes. */
export interface BatchState {
  readonly kind: 'open' | 'full' | 'expired' | 'revoked';
  readonly all: number;
  readonly left: number;
}

/** How a batch stands at `now`, in ms. */
export function batchState(batch: Batch, now: number): BatchState {
  const all = batch.count * batch.uses;
  const left = Math.max(0, all - batch.used);
  if (batch.revoked) return { kind: 'revoked', all, left };
  if (batch.expires_at && Date.parse(batch.expires_at) <= now) return { kind: 'expired', all, left };
  return { kind: left === 0 ? 'full' : 'open', all, left };
}

/** The courses that are on air or lie ahead, the nearest first. */
export function ahead(programme: Programme): Course[] {
  return programme.courses
    .filter((course) => course.state !== 'ended' && course.state !== 'cancelled')
    .sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
}

/** What is missing first, then what is done. */
export function readiness(programme: Programme, now: number): Item[] {
  const courses = ahead(programme);
  const unstaffed = courses.filter((course) => course.presenters.length === 0);
  const moderators = new Set(programme.staff.filter((each) => each.role === 'moderator').map((each) => each.person)).size;
  const left = programme.batches
    .map((batch) => batchState(batch, now))
    .reduce((sum, each) => sum + (each.kind === 'open' ? each.left : 0), 0);
  const planned = programme.courses.length;
  const items: Item[] = [planned > 0 ? { what: 'courses', done: true, count: planned } : { what: 'courses', done: false }];
  const [first] = unstaffed;
  if (first) items.push({ what: 'presenters', done: false, course: first, more: unstaffed.length - 1 });
  else if (courses.length > 0) items.push({ what: 'presenters', done: true });
  items.push(moderators > 0 ? { what: 'moderators', done: true, count: moderators } : { what: 'moderators', done: false });
  items.push(left > 0 ? { what: 'codes', done: true, count: left } : { what: 'codes', done: false });
  return items.sort((a, b) => Number(a.done) - Number(b.done));
}
