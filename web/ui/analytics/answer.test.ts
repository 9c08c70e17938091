import { describe, expect, it } from 'vitest';
import type { Analytics } from '../shared/api';
import { answer, findings, settled, watchingNow } from './answer';

function figures(state: Analytics['state'], live: number[], more: Partial<Analytics['totals']> = {}): Analytics {
  return {
    course: {} as Analytics['course'],
    state,
    as_of: '2026-11-22T14:30:00Z',
    totals: {
      enrolled: 100,
      attended: 0,
      attended_live: 0,
      attended_replay: 0,
      median_watched_s: 0,
      countable_s: 0,
      questions: 0,
      ...more,
    },
    curve: { step_s: 10, live, dvr: [], replay: [] },
    questions_per_step: [],
    marks: [],
  };
}

describe('the sentence', () => {
  it('says that nothing has happened', () => {
    expect(answer(figures('none', []))).toEqual({ key: 'answer.none' });
    expect(answer(figures('live', []))).toEqual({ key: 'answer.live_empty' });
    expect(answer(figures('final', [0]))).toEqual({ key: 'answer.final_empty' });
  });

  it('says who watches now', () => {
    expect(answer(figures('live', [10, 50]))).toEqual({ key: 'answer.live', count: 50, share: 0.5 });
    expect(answer(figures('live', [5], { enrolled: 0 }))).toEqual({ key: 'answer.live', count: 5, share: null });
  });

  it('does not take the seconds that are still being counted for people leaving', () => {
    const live = figures('live', [10, 50, 3, 0]);
    expect(watchingNow(live)).toBe(50);
    expect(settled(live).curve.live).toEqual([10, 50]);
    expect(settled(figures('live', [4])).curve.live).toEqual([4]);
    expect(settled(figures('live', [])).curve.live).toEqual([]);
    expect(settled(figures('final', [10, 50, 3, 0])).curve.live).toHaveLength(4);
  });

  it('says how it went', () => {
    const final = figures('final', [1], { attended: 40, median_watched_s: 3000, countable_s: 3600 });
    expect(answer(final)).toEqual({ key: 'answer.final', count: 40, enrolled: 100, median_s: 3000, countable_s: 3600 });
  });
});

describe('the findings', () => {
  it('wait with who stayed until the lecture is over', () => {
    expect(findings(figures('live', [10, 10, 5])).stayed).toBeNull();
    expect(findings(figures('final', [10, 10, 5])).stayed).toBe(0.5);
  });

  it('know an empty curve', () => {
    expect(findings(figures('final', [0, 0])).empty).toBe(true);
    expect(findings(figures('none', [])).empty).toBe(true);
    expect(findings(figures('live', [1])).empty).toBe(false);
  });
});
