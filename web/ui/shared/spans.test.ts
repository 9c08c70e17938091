import { describe, expect, it } from 'vitest';
import { barParts, gaps, normalise, total } from './spans';

describe('spans', () => {
  it('joins overlapping and touching spans and drops empty ones', () => {
    expect(
      normalise([
        [30, 40],
        [0, 10],
        [10, 20],
        [15, 25],
        [50, 50],
      ]),
    ).toEqual([
      [0, 25],
      [30, 40],
    ]);
  });

  it('finds what is missing, at both ends too', () => {
    const seen: [number, number][] = [
      [10, 20],
      [30, 40],
    ];
    expect(gaps(seen, 0, 60)).toEqual([
      [0, 10],
      [20, 30],
      [40, 60],
    ]);
    expect(total(gaps(seen, 12, 35))).toBe(10);
  });

  it('leaves nothing to watch when all is seen', () => {
    expect(gaps([[0, 60]], 0, 60)).toEqual([]);
  });
});

describe('bar', () => {
  it('tells missed from what lies ahead', () => {
    const parts = barParts([[60, 120]], 300, 600);
    expect(parts.missed).toEqual([
      [0, 60],
      [120, 300],
    ]);
    expect(parts.ahead).toBe(300);
    expect(parts.watchedLength).toBe(60);
    expect(parts.missedLength).toBe(240);
  });

  it('does not call the last seconds of a live lecture missed: their report is on the way', () => {
    expect(barParts([[0, 290]], 300, 600).missed).toEqual([]);
    expect(barParts([[0, 290]], 300, 300).missed).toEqual([[290, 300]]);
  });

  it('survives an empty lecture', () => {
    expect(barParts([], 0, 0).missed).toEqual([]);
  });
});
