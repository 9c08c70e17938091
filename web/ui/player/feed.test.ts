import { describe, expect, it } from 'vitest';
import { Mending } from './feed';

describe('a line that loses packets', () => {
  it('gets time to send them again, after the first second that shows it', () => {
    const mending = new Mending();
    expect([mending.learn({ asked: 0, rttMs: 100 }, 0), mending.ms]).toEqual([false, 0]);
    expect([mending.learn({ asked: 2, rttMs: 100 }, 1_000), mending.ms]).toEqual([false, 0]);
    expect([mending.learn({ asked: 3, rttMs: 100 }, 2_000), mending.ms]).toEqual([true, 350]);
    expect([mending.learn({ asked: 9, rttMs: 100 }, 3_000), mending.ms]).toEqual([false, 350]);
  });

  it('gets more on a longer way, never less, and no more than a second', () => {
    const mending = new Mending();
    for (const [rttMs, ms] of [
      [200, 500],
      [20, 500],
      [900, 1_000],
    ] as const) {
      mending.learn({ asked: 5, rttMs }, 0);
      expect(mending.ms).toBe(ms);
    }
  });

  it('is a good one again after half a minute without loss', () => {
    const mending = new Mending();
    mending.learn({ asked: 5, rttMs: 20 }, 0);
    expect([mending.learn({ asked: 0, rttMs: 20 }, 30_000), mending.ms]).toEqual([false, 250]);
    expect([mending.learn({ asked: 0, rttMs: 20 }, 30_001), mending.ms]).toEqual([true, 0]);
  });
});
