import { describe, expect, it } from 'vitest';
import { Comeback } from './comeback';

/** The moments, in seconds, at which it is due within an hour when each try fails after ten seconds. */
function tries(comeback: Comeback, from = 0, to = 3600): number[] {
  const out: number[] = [];
  let failsAt = Infinity;
  for (let s = from; s < to; s++) {
    if (s >= failsAt) {
      comeback.failed(s * 1000);
      failsAt = Infinity;
    }
    if (comeback.due(s * 1000)) {
      out.push(s);
      failsAt = s + 10;
    }
  }
  return out;
}

describe('coming back to WebRTC', () => {
  it('is tried more and more seldom, down to every five minutes', () => {
    const comeback = new Comeback(() => 0);
    comeback.fell(0);
    expect(tries(comeback).slice(0, 8)).toEqual([15, 55, 125, 255, 505, 815, 1125, 1435]);
  });

  it('spreads a room that fell together', () => {
    const late = new Comeback(() => 1);
    late.fell(0);
    expect(tries(late, 0, 60)).toEqual([19]);
  });

  it('is tried soon after the network has changed, but not in a hurry', () => {
    const comeback = new Comeback(() => 0);
    comeback.fell(0);
    comeback.hint(2_000);
    expect(comeback.due(2_000)).toBe(true);
    comeback.failed(3_000);
    comeback.hint(4_000);
    expect(comeback.due(4_000)).toBe(false);
    expect(comeback.due(7_000)).toBe(true);
    // During a try, too.
    comeback.hint(8_000);
    comeback.failed(15_000);
    expect(comeback.due(15_000)).toBe(true);
  });

  it('does not go to and fro: what breaks soon after a return is tried later than before', () => {
    const comeback = new Comeback(() => 0);
    comeback.fell(0);
    expect(comeback.due(15_000)).toBe(true);
    comeback.returned(18_000);
    expect(tries(comeback, 18, 60)).toEqual([]);
    comeback.fell(60_000);
    expect(tries(comeback, 60, 120)).toEqual([90]);
  });

  it('begins anew after a return that lasted', () => {
    const comeback = new Comeback(() => 0);
    comeback.fell(0);
    comeback.due(15_000);
    comeback.failed(20_000);
    comeback.due(50_000);
    comeback.returned(52_000);
    comeback.fell(400_000);
    expect(tries(comeback, 400, 430)).toEqual([415]);
  });
});
