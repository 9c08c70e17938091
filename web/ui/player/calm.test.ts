import { expect, it } from 'vitest';
import { Calm } from './calm';

it('forgets a stall after a while, and the next one later', () => {
  const calm = new Calm();
  expect(calm.over(1_000_000)).toBe(false);
  calm.stalled(0);
  calm.stalled(500); // of the same
  expect(calm.over(15_000)).toBe(false);
  expect(calm.over(15_500)).toBe(true);
  expect(calm.over(16_000)).toBe(false);
  calm.stalled(20_000);
  expect(calm.over(49_000)).toBe(false);
  expect(calm.over(50_000)).toBe(true);
  for (let at = 100_000; at < 200_000; at += 10_000) calm.stalled(at);
  expect(calm.over(190_000 + 239_000)).toBe(false);
  expect(calm.over(190_000 + 240_000)).toBe(true);
});
