import { describe, expect, it } from 'vitest';
import type { Batch, Course, Programme, Staff } from '../shared/api';
import { ahead, batchState, readiness } from './readiness';

const now = Date.parse('2026-11-22T12:00:00Z');
const batch = (more: Partial<Batch> = {}): Batch => ({
  id: 'b',
  label: 'L',
  prefix: '7KQ4',
  count: 10,
  uses: 2,
  used: 5,
  expires_at: null,
  revoked: false,
  ...more,
});
const course = (number: number, state: Course['state'], presenters: number): Course =>
  ({
    id: `c${number}`,
    number,
    state,
    start: `2026-12-0${number}T14:00:00Z`,
    presenters: Array.from({ length: presenters }, (_, i) => ({ id: `p${i}`, name: 'P' })),
  }) as unknown as Course;
const programme = (more: Partial<Programme>): Programme => ({
  id: 'p',
  title: 'T',
  zone: 'UTC',
  version: 1,
  enrolled: 0,
  state: 'draft',
  retention_days: null,
  courses: [],
  batches: [],
  staff: [],
  ...more,
});
const moderator = { person: 'm', role: 'moderator' } as Staff;

describe('a batch', () => {
  it('counts registrations over all its codes', () => {
    expect(batchState(batch(), now)).toEqual({ kind: 'open', all: 20, left: 15 });
    expect(batchState(batch({ used: 20 }), now)).toEqual({ kind: 'full', all: 20, left: 0 });
  });

  it('ends by its time and by hand', () => {
    expect(batchState(batch({ expires_at: '2026-11-22T12:00:00Z' }), now).kind).toBe('expired');
    expect(batchState(batch({ expires_at: '2026-11-22T12:00:01Z' }), now).kind).toBe('open');
    expect(batchState(batch({ revoked: true, expires_at: '2026-11-01T00:00:00Z' }), now).kind).toBe('revoked');
  });
});

describe('readiness', () => {
  it('asks an empty programme for everything that can be done now', () => {
    expect(readiness(programme({}), now)).toEqual([
      { what: 'courses', done: false },
      { what: 'moderators', done: false },
      { what: 'codes', done: false },
    ]);
  });

  it('names the nearest course without a presenter and counts the others', () => {
    const courses = [course(3, 'scheduled', 0), course(2, 'scheduled', 0), course(4, 'scheduled', 1), course(1, 'ended', 0)];
    expect(ahead(programme({ courses })).map((each) => each.number)).toEqual([2, 3, 4]);
    const items = readiness(
      programme({ courses, staff: [moderator, moderator], batches: [batch(), batch({ revoked: true })] }),
      now,
    );
    expect(items).toEqual([
      { what: 'presenters', done: false, course: courses[1], more: 1 },
      { what: 'courses', done: true, count: 4 },
      { what: 'moderators', done: true, count: 1 },
      { what: 'codes', done: true, count: 15 },
    ]);
  });

  it('is done when nothing is missing', () => {
    const items = readiness(programme({ courses: [course(1, 'live', 1)], staff: [moderator], batches: [batch()] }), now);
    expect(items.every((item) => item.done)).toBe(true);
  });
});
