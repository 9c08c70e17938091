import { describe, expect, it } from 'vitest';
import { covers, Edits } from './edits';

const row = (timeline_ms: number, recording_ms: number, length_ms: number) => ({ timeline_ms, recording_ms, length_ms });

describe('edit list', () => {
  it('maps a late-started recording', () => {
    const edits = new Edits([row(20_000, 0, 60_000)], false);
    expect(edits.toRecording(50_000)).toBe(30_000);
    expect(edits.toTimeline(30_000)).toBe(50_000);
    expect(edits.toRecording(5_000)).toBe(0);
    expect(edits.end).toBe(80_000);
  });

  it('jumps over a stretch that was cut out of the middle', () => {
    const edits = new Edits([row(0, 0, 10_000), row(30_000, 10_000, 10_000)], false);
    expect(edits.toRecording(15_000)).toBe(10_000);
    expect(edits.toRecording(10_000)).toBe(10_000);
    expect(edits.toTimeline(9_999)).toBe(9_999);
    expect(edits.toTimeline(10_000)).toBe(30_000);
  });

  it('stops at the end', () => {
    const edits = new Edits([row(0, 0, 10_000)], false);
    expect(edits.toRecording(99_000)).toBe(10_000);
    expect(edits.toTimeline(99_000)).toBe(10_000);
  });

  it('lets the last piece grow while the lecture is live', () => {
    const edits = new Edits([row(0, 0, 10_000), row(12_000, 10_000, 4_000)], true);
    expect(edits.toRecording(20_000)).toBe(18_000);
    expect(edits.toTimeline(18_000)).toBe(20_000);
  });

  it('takes the recording as it is when the server says nothing', () => {
    const edits = new Edits(null, true);
    expect(edits.toRecording(7_000)).toBe(7_000);
    expect(edits.toTimeline(7_000)).toBe(7_000);
  });
});

it('knows when a stream that comes and goes has pictures', () => {
  const edits = [
    { timeline_ms: 10_000, recording_ms: 0, length_ms: 5_000 },
    { timeline_ms: 40_000, recording_ms: 5_000, length_ms: 5_000 },
  ];
  const at = (ms: number, growing = false) => covers(edits, ms, growing);
  expect([9_999, 10_000, 14_999, 15_000, 44_000, 46_000].map((ms) => at(ms))).toEqual([false, true, true, false, true, false]);
  expect(at(46_000, true)).toBe(true);
  expect(at(16_000, true)).toBe(false);
  expect(covers([], 0, true)).toBe(false);
});
