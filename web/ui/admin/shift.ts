/** Courses at one local time that move on another clock, because summer time begins or ends in between. */
import type { Course } from '../shared/api';
import { toLocal } from './zone';

/** From this course on the reader's clock shows another time than for the one before; `minutes` is positive for later. */
export interface Shift {
  readonly course: Course;
  readonly minutes: number;
}

/** The moves within a schedule for a reader in zone `own`, between neighbours with the same time of day and zone. */
export function shifts(courses: readonly Course[], own: string): Shift[] {
  const found: Shift[] = [];
  courses.forEach((course, i) => {
    const before = courses[i - 1];
    if (!before || before.zone !== course.zone || before.local.slice(11, 16) !== course.local.slice(11, 16)) return;
    const minutes = ahead(course, own) - ahead(before, own);
    if (minutes !== 0) found.push({ course, minutes });
  });
  return found;
}

/** Minutes by which the reader's wall clock is ahead of the event's at the start. */
function ahead(course: Course, own: string): number {
  const start = new Date(course.start);
  return (Date.parse(`${toLocal(start, own)}Z`) - Date.parse(`${toLocal(start, course.zone)}Z`)) / 60_000;
}
