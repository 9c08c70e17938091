import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { launch, Person, shots, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';
import { Link } from './link';
import { line, watch } from './watching';

/** A doctor on a bad line: the presenter and the server on one host, the doctor's browser on the other end of the link. */

const link = new Link();
const lectern = new Lectern();
let near: Browser;
let far: Browser;
let demo: Demo;
let presenter: Person;
let doctor: Person;

beforeAll(async () => {
  const camera = syntheticCamera();
  await lectern.start(link.near);
  demo = await lectern.demo();
  near = await launch(camera, { origin: lectern.url });
  far = await launch(camera, { origin: lectern.url, program: link.onFar('/usr/bin/chromium') });
  presenter = await Person.enter(near, 'presenter', demo.studio);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  doctor = await Person.enter(far, 'doctor', demo.attendees[0]!);
  await playing('webrtc');
});

/** Every drill begins on a perfect link, whatever the one before has left behind. */
beforeEach(async () => {
  onTestFailed(async () => {
    const state = await doctor.page.locator('.page-root').evaluate((e) => ({ ...(e as HTMLElement).dataset }));
    console.log('doctor', state, await doctor.video(), doctor.problems);
    mkdirSync(shots, { recursive: true });
    writeFileSync(join(shots, 'failed-drill-server.log'), lectern.log);
  });
  await link.set();
  await doctor.page.reload();
  await playing('webrtc');
  await until('the full picture is shown', async () => (await height()) === 720, 20_000);
});

afterAll(async () => {
  await near?.close();
  await far?.close();
  await lectern.stop();
  lectern.remove();
});

const playing = (transport: string, timeout = 20_000) =>
  doctor.page.locator(`.page-root[data-transport="${transport}"][data-state="playing"]`).waitFor({ timeout });

const height = () => doctor.page.evaluate(() => document.querySelector('video')!.videoHeight);

/** Seconds until check holds. */
async function secondsUntil(what: string, check: () => Promise<boolean>, atMost: number): Promise<number> {
  const begin = performance.now();
  await until(what, check, atMost * 1000);
  return (performance.now() - begin) / 1000;
}

test('on a perfect link the doctor sees the full picture', async () => {
  const seen = await watch(doctor, 10);
  console.log('perfect link:', line(seen));
  expect(seen.fps, 'this machine is too busy to judge a link: what follows says nothing').toBeGreaterThan(20);
});

test('5 % loss with 50 ± 20 ms: the picture stands still 1 % of the time at most', async () => {
  await link.set('-loss 5 -delay 50ms -jitter 20ms');
  await watch(doctor, 3);
  const seen = await watch(doctor, 30);
  console.log('5 % loss, 50 ± 20 ms:', line(seen));
  expect(seen.frozen ?? seen.still).toBeLessThanOrEqual(0.01);
});

test('10 % loss in bursts: 15 pictures a second, and sound that can be understood', async () => {
  await link.set('-burst 10 -delay 30ms -to far');
  await watch(doctor, 3);
  const seen = await watch(doctor, 20);
  console.log('10 % burst loss:', line(seen));
  expect(seen.fps).toBeGreaterThanOrEqual(15);
  expect(seen.concealed ?? 1).toBeLessThan(0.12);
});

test('300 kbit/s: the smallest picture or sound alone within 5 s, and the full one within 15 s after', async () => {
  await link.set('-rate 300 -to far');
  const small = async () =>
    (await height()) <= 180 ||
    (await doctor.page
      .locator('[data-audio-only]')
      .isVisible()
      .catch(() => false));
  const down = await secondsUntil('the smallest picture', small, 20);
  console.log(`300 kbit/s: the smallest picture after ${down.toFixed(1)} s`);
  const seen = await watch(doctor, 10);
  console.log('300 kbit/s:', line(seen));
  await link.set();
  const up = await secondsUntil('the full picture', async () => (await height()) === 720, 60);
  console.log(`300 kbit/s: the full picture ${up.toFixed(1)} s after it was lifted`);
  expect(down).toBeLessThan(5);
  expect(up).toBeLessThan(15);
});

test('the cable is pulled for 5 s: the picture is back by itself', async () => {
  await link.set('-pulled');
  await new Promise((wake) => setTimeout(wake, 5_000));
  await link.set();
  const back = Date.now();
  const shown = await doctor.nextPicture(back);
  console.log(`cable pulled for 5 s: the picture is back ${shown - back} ms after the cable`);
  expect(shown - back).toBeLessThan(3_000);
  const seen = await watch(doctor, 5);
  console.log('cable back:', line(seen));
  expect(seen.fps).toBeGreaterThan(10);
  await playing('webrtc');
});
