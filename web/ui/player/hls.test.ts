import { describe, expect, it } from 'vitest';
import { place, type Dated } from './hls';

const date = (s: number) => Date.UTC(2026, 10, 22, 14) + s * 1000;
const run = (s: number, ms: number) => ({
  class: 'lectern.run',
  startDate: new Date(date(s)),
  attr: { 'X-TIMELINE-MS': String(ms) },
});

describe('place on the timeline', () => {
  const playlist: Dated = {
    fragments: [
      { start: 0, programDateTime: date(100) },
      { start: 2, programDateTime: date(102) },
      { start: 4, programDateTime: date(900) },
    ],
    dateRanges: { 'run-10000': run(10, 10_000), 'run-103200': run(899.6, 103_200), other: { ...run(0, 5), class: 'chapter' } },
  };

  it('follows the dates of the segments', () => {
    expect(place(playlist, 0)).toBe(100_000);
    expect(place(playlist, 3.5)).toBe(103_500);
  });

  it('goes on with the next run, after a pause between them', () => {
    expect(place(playlist, 4)).toBe(103_600);
    expect(place(playlist, 5)).toBe(104_600);
  });

  it('goes on beyond what is listed, and knows nothing of nothing', () => {
    expect(place(playlist, 9)).toBe(108_600);
    expect(place(playlist, -1)).toBe(99_000);
    expect(place(undefined, 0)).toBeUndefined();
    expect(place({ fragments: [{ start: 0, programDateTime: null }], dateRanges: {} }, 0)).toBeUndefined();
  });
});
