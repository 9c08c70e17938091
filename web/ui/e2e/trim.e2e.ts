import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';

/** After the lecture: pictures are there, an admin cuts the head off by keyboard, and who resumes sees the same moment as before. */

interface Resume {
  mode: string;
  start_ms: number;
  watched_s: number;
  countable_s: number;
  hls: string;
  edits: { timeline_ms: number; recording_ms: number; length_ms: number }[];
}

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let doctor: Person;
let admin: Person;

beforeAll(async () => {
  await lectern.start();
  demo = await lectern.demo();
  browser = await launch(syntheticCamera());
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

const position = async (p: Person): Promise<number> =>
  Number(await p.page.locator('[data-position]').getAttribute('data-position'));
const resume = () => doctor.api<Resume>(`/api/courses/${demo.course}/resume`);
const replaying = () =>
  doctor.page.locator('.page-root[data-transport="hls"][data-state="playing"]').waitFor({ timeout: 30_000 });

test('a short lecture is held, and somebody leaves it', async () => {
  presenter = await Person.enter(browser, 'trim-presenter', demo.studio);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 30_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  doctor = await Person.enter(browser, 'trim-doctor', demo.attend);
  await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor({ timeout: 30_000 });
  await until('22 s are over', async () => (await position(doctor)) >= 22_000, 60_000);
  await doctor.page.goto(`${lectern.url}/courses`);
  await until('the ledger has what was seen', async () => (await resume()).watched_s >= 10);
});

test('the replay opens within a second of the end', async () => {
  await presenter.page.getByRole('button', { name: 'End lecture…' }).click();
  // What the page does with the button, measured from the request to a playlist that has an end.
  const took = await presenter.page.evaluate(async (course) => {
    const began = performance.now();
    await fetch(`/api/courses/${course}/end`, { method: 'POST' });
    const { hls } = (await (await fetch(`/api/courses/${course}/resume`)).json()) as { hls: string };
    const list = await (await fetch(hls.replace('index', 'audio'))).text();
    return list.includes('#EXT-X-ENDLIST') ? Math.round(performance.now() - began) : -1;
  }, demo.course);
  expect(took).toBeGreaterThan(0);
  console.log(`the replay was open ${took} ms after the lecture was ended`);
});

test('the admin cuts the head off by keyboard, and what was watched stays', async () => {
  const before = await resume();
  admin = await Person.enter(browser, 'trim-admin', demo.admin);
  await admin.page.goto(`${lectern.url}/admin/recording/${demo.course}`);
  await admin.page.locator('.thumb').first().waitFor({ timeout: 60_000 });
  await admin.shoot('recording-whole');
  await admin.page.getByRole('button', { name: 'Cut off before here' }).waitFor();
  await admin.page.getByRole('slider', { name: 'Position of the preview' }).focus();
  for (let press = 0; press < 3; press++) await admin.page.keyboard.press('ArrowRight');
  await admin.page.getByRole('button', { name: 'Cut off before here' }).focus();
  await admin.page.keyboard.press('Enter');
  const end = admin.page.getByRole('textbox', { name: 'End of part 1' });
  await end.fill('0:05');
  await end.press('Tab');
  await admin.shoot('recording-cut');
  await admin.page.getByRole('button', { name: 'Save', exact: true }).first().focus();
  await admin.page.keyboard.press('Enter');
  await admin.page.getByText('Saved. Doctors see').waitFor();
  await admin.shoot('recording-saved');

  const after = await resume();
  const cut = after.edits[0]!.timeline_ms;
  expect(Math.abs(cut - 5_000)).toBeLessThan(1_800); // half a group of pictures
  expect(after.edits[0]!.recording_ms).toBe(0);
  expect(after.start_ms).toBe(Math.max(before.start_ms, cut));
  expect(after.hls).not.toBe(before.hls);
  expect(after.countable_s).toBeLessThan(before.countable_s);
});

test('who resumes sees the moment where they left, in the cut recording', async () => {
  await doctor.page.goto(`${lectern.url}/watch/${demo.course}`);
  const { start_ms, edits } = await resume();
  await replaying();
  const [shown, second] = await Promise.all([
    position(doctor),
    doctor.page.evaluate(() => document.querySelector('video')!.currentTime),
  ]);
  expect(shown).toBeGreaterThanOrEqual(start_ms - 1_000);
  expect(shown).toBeLessThanOrEqual(start_ms + 8_000); // the page has been playing since
  const head = edits[0]!.timeline_ms;
  expect(Math.abs(shown - head - second * 1000)).toBeLessThan(1_500);
  for (const person of [doctor, admin]) expect({ [person.name]: person.problems }).toEqual({ [person.name]: [] });
});
