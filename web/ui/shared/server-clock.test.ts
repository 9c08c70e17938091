import { expect, it } from 'vitest';
import { ServerClock } from './server-clock';

it('believes the message that took the least time', () => {
  let here = 0;
  const clock = new ServerClock(() => here);
  expect(clock.now()).toBeUndefined();
  const server = 1_795_400_000_000; // the server's clock when ours shows 0
  for (const [sent, took] of [
    [1000, 400],
    [11_000, 20],
    [21_000, 900],
  ] as const) {
    here = sent + took;
    clock.hear(server + sent);
  }
  expect(clock.now()).toBe(server + here - 20);
});

it('follows a clock that drifts, and forgets on reset', () => {
  let here = 0;
  const clock = new ServerClock(() => here);
  for (let at = 0; at <= 3_600_000; at += 10_000) {
    here = at;
    clock.hear(at * 0.9999); // ours runs fast by 360 ms an hour
  }
  expect(clock.now()! - here * 0.9999).toBeLessThan(31);
  clock.reset();
  expect(clock.now()).toBeUndefined();
});
