import { describe, expect, it } from 'vitest';
import { bufferedAhead, catchUpRate, nextNeeded, safeRate } from './catchup';

describe('catching up', () => {
  it('is unheard for a short gap and as fast as counts for a long one', () => {
    expect([10, 60, 61, 900].map(catchUpRate)).toEqual([1.25, 1.25, 1.5, 1.5]);
  });

  it('slows down before it runs dry', () => {
    expect(safeRate(1.5, 3)).toBe(1.5);
    expect(safeRate(1.5, 0.6)).toBe(1);
    expect(safeRate(0.75, 0.2)).toBe(0.75);
  });

  it('jumps over what was watched, unless it is hardly anything', () => {
    const watched: [number, number][] = [
      [0, 20],
      [50, 53],
      [100, 160],
    ];
    expect(nextNeeded(watched, 5)).toBe(20);
    expect(nextNeeded(watched, 20)).toBe(20);
    expect(nextNeeded(watched, 50)).toBe(50);
    expect(nextNeeded(watched, 100)).toBe(160);
    expect(nextNeeded(watched, 157)).toBe(157);
    expect(nextNeeded(watched, 200)).toBe(200);
  });

  it('knows what is buffered without a hole', () => {
    const parts = [
      [0, 12],
      [20, 30],
    ];
    const buffered = { length: 2, start: (i: number) => parts[i]![0]!, end: (i: number) => parts[i]![1]! };
    expect(bufferedAhead({ buffered, currentTime: 10 })).toBe(2);
    expect(bufferedAhead({ buffered, currentTime: 19.95 })).toBeCloseTo(10.05);
    expect(bufferedAhead({ buffered, currentTime: 15 })).toBe(0);
  });
});
