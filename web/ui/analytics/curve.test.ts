import { describe, expect, it } from 'vitest';
import {
  area,
  bars,
  dip,
  intervals,
  lengthOf,
  line,
  peak,
  spread,
  stack,
  stayed,
  sample,
  ticks,
  timeTicks,
  totalOf,
} from './curve';

const curve = (live: number[], dvr: number[] = [], replay: number[] = [], step_s = 1) => ({ step_s, live, dvr, replay });
const box = { left: 0, top: 0, width: 100, height: 100 };

describe('the stack', () => {
  it('adds each layer to those below it and forgives short ones', () => {
    expect(
      stack([
        [1, 2, 3],
        [1, 1],
        [0, 0, 5],
      ]),
    ).toEqual([
      [1, 2, 3],
      [2, 3, 3],
      [2, 3, 8],
    ]);
    expect(totalOf(curve([1, 2, 3], [1, 1], [0, 0, 5]))).toEqual([2, 3, 8]);
    expect(lengthOf(curve([1, 2], [], [1, 1, 1], 10))).toBe(30);
    expect(lengthOf(curve([]))).toBe(0);
  });

  it('keeps a peak of one second when sampled, with the values that belong to it', () => {
    const live = new Array<number>(100).fill(1);
    const replay = new Array<number>(100).fill(3);
    live[57] = 9;
    replay[57] = 2;
    const sampled = sample(curve(live, [], replay), 20);
    expect(sampled.per).toBe(5);
    expect(sampled.live).toHaveLength(20);
    expect([sampled.live[11], sampled.dvr[11], sampled.replay[11]]).toEqual([9, 0, 2]);
    expect(sample(curve([1, 2]), 20)).toEqual({ live: [1, 2], dvr: [0, 0], replay: [0, 0], per: 1 });
    expect(sample(curve([]), 20).live).toEqual([]);
  });
});

describe('the paths', () => {
  it('hold a value for its whole step', () => {
    expect(line([1, 2], 2, box)).toBe('M0 50L50 50L50 0L100 0');
  });

  it('close an area along the series below it', () => {
    expect(area([2, 2], [0, 1], 2, box)).toBe('M0 0L50 0L50 0L100 0L100 50L50 50L50 100L0 100Z');
  });

  it('go through the middles of steps too narrow for stairs, from edge to edge', () => {
    const path = line(new Array<number>(50).fill(1), 2, box);
    expect(path.startsWith('M0 50L1 50L3 50')).toBe(true);
    expect(path.endsWith('L99 50L100 50')).toBe(true);
  });

  it('are empty for an empty curve', () => {
    expect(line([], 1, box)).toBe('');
    expect(area([], [], 1, box)).toBe('');
  });
});

describe('the axes', () => {
  it('go from 0 in round whole people', () => {
    expect(ticks(6956)).toEqual([0, 2000, 4000, 6000, 8000]);
    expect(ticks(9300)).toEqual([0, 2500, 5000, 7500, 10000]);
    expect(ticks(2)).toEqual([0, 1, 2]);
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(9)).toEqual([0, 3, 6, 9]);
  });

  it('name at most so many moments', () => {
    expect(timeTicks(3720, 7)).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600]);
    expect(timeTicks(9, 5)).toEqual([0, 2, 4, 6, 8]);
    expect(timeTicks(0, 5)).toEqual([0]);
  });
});

it('moves end labels apart inside the picture', () => {
  expect(spread([10, 12, 50], 18, 0, 100)).toEqual([10, 28, 50]);
  expect(spread([100, 100, 100], 18, 0, 100)).toEqual([64, 82, 100]);
  expect(spread([-5, 0, 2], 18, 0, 100)).toEqual([0, 18, 36]);
});

describe('the table', () => {
  it('has the means of each row and the sum of its questions', () => {
    const rows = intervals(curve([10, 20, 30, 40], [], [1, 1, 1, 1], 60), [1, 0, 2, 3], 2);
    expect(rows).toEqual([
      { from: 0, to: 120, live: 15, dvr: 0, replay: 1, questions: 1 },
      { from: 120, to: 240, live: 35, dvr: 0, replay: 1, questions: 5 },
    ]);
  });

  it('ends where the lecture ends', () => {
    const rows = intervals(curve(new Array<number>(65).fill(2)), []);
    expect(rows.at(-1)).toEqual({ from: 60, to: 65, live: 2, dvr: 0, replay: 0, questions: 0 });
    expect(intervals(curve([]), [])).toEqual([]);
  });

  it('joins questions into bars by adding them', () => {
    expect(bars([1, 0, 2, 0, 1], 3)).toEqual([1, 2, 1]);
  });
});

describe('the findings', () => {
  it('name the first peak', () => {
    expect(peak([1, 5, 5, 2], 10)).toEqual({ value: 5, at: 10 });
    expect(peak([0, 0], 1)).toBeNull();
  });

  it('say how many stayed to the last tenth', () => {
    expect(stayed(curve([0, 10, 10, 10, 10, 10, 10, 10, 10, 8]))).toBeCloseTo(0.8);
    expect(stayed(curve([0]))).toBeNull();
  });

  it('find a dip of a tenth of the peak within a minute, not the end', () => {
    const live = [...new Array<number>(300).fill(100), ...new Array<number>(600).fill(80), ...new Array<number>(60).fill(0)];
    const found = dip(curve(live));
    expect(found).toMatchObject({ lost: 20 });
    expect(found!.from).toBeGreaterThanOrEqual(239);
    expect(found!.from).toBeLessThan(300);
    expect(dip(curve(new Array<number>(900).fill(100)))).toBeNull();
    expect(dip(curve([]))).toBeNull();
  });
});
