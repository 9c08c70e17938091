import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pulse, probePause } from './pulse';

let script: (number | 'down' | 'hang')[];
let asked: number[];

const pulse = () =>
  new Pulse({
    random: () => 0,
    fetch: (_, init) => {
      asked.push(Date.now());
      const answer = script.length > 1 ? script.shift()! : script[0]!;
      if (answer === 'down') return Promise.reject(new TypeError('network'));
      if (answer !== 'hang') return Promise.resolve(new Response(null, { status: answer }));
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))));
    },
  });

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(0);
  asked = [];
});
afterEach(() => vi.useRealTimers());

it('answers at once when the server does', async () => {
  script = [204];
  await pulse().back();
  expect(asked).toEqual([0]);
});

it('asks once for all who wait, and again for those who come later', async () => {
  script = ['down', 502, 204];
  const p = pulse();
  let told = 0;
  for (let i = 0; i < 3; i++) void p.back().then(() => told++);
  await vi.advanceTimersByTimeAsync(399);
  expect(told).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toBe(3);
  expect(asked).toEqual([0, 200, 400]);
  await p.back();
  expect(asked).toHaveLength(4);
});

it('does not wait long for an answer that a hole in the network swallowed', async () => {
  script = ['hang', 'hang', 204];
  const back = pulse().back();
  await vi.advanceTimersByTimeAsync(1_600);
  await back;
  expect(asked).toEqual([0, 800, 1_600]);
});

it('asks at once when the network is said to be back', async () => {
  script = ['down', 204];
  const p = pulse();
  const back = p.back();
  await vi.advanceTimersByTimeAsync(50);
  p.nudge();
  await back;
  expect(asked).toEqual([0, 50]);
});

it('never pauses longer than a second, and never the same for all', () => {
  expect(probePause(0, () => 0)).toBe(200);
  expect(probePause(100, () => 0)).toBe(1_000);
  expect(probePause(100, () => 1)).toBe(800);
});
