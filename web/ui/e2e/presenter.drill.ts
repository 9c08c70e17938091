import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';
import { Link } from './link';

/** A presenter on a bad line (trust D-08): the presenter's browser on the far end of the link, server and doctor on the near one. */

const link = new Link();
const lectern = new Lectern();
let near: Browser;
let far: Browser;
let demo: Demo;
let presenter: Person;
let doctor: Person;
let sessions = 0;
let restarts = 0;

beforeAll(async () => {
  const camera = syntheticCamera();
  await lectern.start(link.near);
  demo = await lectern.demo();
  near = await launch(camera, { origin: lectern.url });
  far = await launch(camera, { origin: lectern.url, program: link.onFar('/usr/bin/chromium') });
  presenter = await Person.enter(far, 'presenter', demo.studio);
  presenter.page.on('request', (r) => {
    if (!new URL(r.url()).pathname.startsWith('/whip/')) return;
    if (r.method() === 'POST') sessions++;
    if (r.method() === 'PATCH') restarts++;
  });
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  doctor = await Person.enter(near, 'doctor', demo.attendees[0]!);
  await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor();
});

afterAll(async () => {
  await near?.close();
  await far?.close();
  await lectern.stop();
  lectern.remove();
});

const told = () => [...doctor.heard.received].reverse().find((m) => m.type === 'broadcast')?.data['presenter'];

for (const seconds of [2, 5, 15]) {
  test(`a hole of ${seconds} s: the audience is told, and the lecture goes on in the same session`, async () => {
    const { frames } = await doctor.decoded();
    await until('the lecture runs', async () => (await doctor.decoded()).frames > frames + 60);
    const before = sessions;
    await link.set('-pulled');
    const pulled = Date.now();
    await until('the audience is told', () => told() === 'gone', 10_000, 20);
    const slate = Date.now() - pulled;
    await new Promise((wake) => setTimeout(wake, seconds * 1000 - (Date.now() - pulled)));
    await link.set();
    const back = Date.now();
    const shown = (await doctor.nextPicture(back)) - back;
    await until('the audience is told', () => told() === 'connected', 10_000, 20);
    await presenter.page.locator('.studio[data-state="air"][data-line="connected"]').waitFor({ timeout: 20_000 });
    console.log(
      `hole of ${seconds} s: told after ${slate} ms, picture ${shown} ms and studio ${Date.now() - back} ms after it, ${sessions - before} new sessions`,
    );
    expect(slate).toBeLessThan(1_500);
    expect(shown).toBeLessThan(1_500);
    expect(sessions).toBe(before);
  });
}

test('another address: the lecture goes on in the same session', async () => {
  const { frames } = await doctor.decoded();
  await until('the lecture runs', async () => (await doctor.decoded()).frames > frames + 60);
  const before = { sessions, restarts };
  await link.set('-far-address 10.99.0.77');
  const moved = Date.now();
  // What was under way is shown for a moment.
  const shown = (await doctor.nextPicture(moved + 300)) - moved;
  await presenter.page.locator('.studio[data-state="air"][data-line="connected"]').waitFor({ timeout: 20_000 });
  await until('the audience is told', () => told() === 'connected', 10_000, 20);
  const figures = [shown, Date.now() - moved, restarts - before.restarts, sessions - before.sessions];
  console.log(
    `another address: picture after ${figures[0]} ms, studio after ${figures[1]} ms, ${figures[2]} ICE restarts, ${figures[3]} new sessions`,
  );
  expect(shown).toBeLessThan(2_500);
  expect(sessions).toBe(before.sessions);
});
