import { describe, expect, it } from 'vitest';
import { Meter } from './meter';

/** Feeds ten seconds of play from a position, four times a second. */
function feed(meter: Meter, from: number, start: number, rate = 1, seconds = 10): number {
  for (let ms = 0; ms <= seconds * 1000; ms += 250) meter.play(from + ms * rate, 'replay', rate, start + ms);
  return start + seconds * 1000;
}

describe('meter', () => {
  it('counts what was played', () => {
    const meter = new Meter();
    feed(meter, 60_000, 0);
    expect(meter.take()).toEqual([{ from_ms: 60_000, to_ms: 70_000, as: 'replay' }]);
  });

  it('goes on without a hole after a report', () => {
    const meter = new Meter();
    const now = feed(meter, 0, 0);
    meter.take();
    feed(meter, 10_000, now);
    expect(meter.take()).toEqual([{ from_ms: 10_000, to_ms: 20_000, as: 'replay' }]);
  });

  it('gives nothing for a seek', () => {
    const meter = new Meter();
    const now = feed(meter, 0, 0);
    feed(meter, 300_000, now + 250);
    expect(meter.take().map((span) => [span.from_ms, span.to_ms])).toEqual([
      [0, 10_000],
      [300_000, 310_000],
    ]);
  });

  it('gives nothing for a picture that stands still', () => {
    const meter = new Meter();
    for (let now = 0; now < 10_000; now += 250) meter.play(5_000, 'live', 1, now);
    expect(meter.take()).toEqual([]);
  });

  it('follows a faster speed, but no faster', () => {
    const meter = new Meter();
    feed(meter, 0, 0, 1.5);
    expect(meter.take()[0]).toMatchObject({ from_ms: 0, to_ms: 15_000 });
    const other = new Meter();
    for (let ms = 0; ms <= 10_000; ms += 1000) other.play(ms * 3, 'replay', 1, ms);
    expect(other.take()).toEqual([]);
  });

  it('survives a late timer', () => {
    const meter = new Meter();
    meter.play(0, 'live', 1, 0);
    meter.play(5_000, 'live', 1, 5_000);
    expect(meter.take()).toEqual([{ from_ms: 0, to_ms: 5_000, as: 'live' }]);
  });

  it('keeps live and replay apart', () => {
    const meter = new Meter();
    meter.play(0, 'dvr', 1, 0);
    meter.play(1_000, 'dvr', 1, 1_000);
    meter.play(2_000, 'live', 1, 2_000);
    meter.play(3_000, 'live', 1, 3_000);
    expect(meter.take()).toEqual([
      { from_ms: 0, to_ms: 2_000, as: 'dvr' },
      { from_ms: 2_000, to_ms: 3_000, as: 'live' },
    ]);
  });
});
