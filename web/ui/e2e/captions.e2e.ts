import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { launch, Person, shots, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';

/** Captions from a file, live and by speech recognition, as an admin, a moderator and a doctor meet them. The steps build on each other. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let moderator: Person;
let admin: Person;
let doctor: Person;

/** A test double of an external program (media/transcribe/testdata): whisper.cpp cannot be had here. */
const double = resolve(import.meta.dirname, '../../../media/transcribe/testdata/whisper-double');

const file = `WEBVTT

00:00:01.000 --> 00:00:04.000
<v Dr Rao>Good morning, and welcome.

00:00:04.000 --> 00:00:07.500
We begin with the caf\u00e9 study: p < 0.05.

00:00:08.000 --> 00:00:11.000
القلب يضخ الدم
`;

beforeAll(async () => {
  const camera = syntheticCamera();
  const model = join(lectern.data, 'model.bin');
  writeFileSync(model, 'hears pt\n');
  await lectern.start('127.0.0.1', { LECTERN_WHISPER: double, LECTERN_WHISPER_MODEL: model });
  demo = await lectern.demo();
  browser = await launch(camera);
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

beforeEach(() => {
  onTestFailed(async () => {
    for (const person of [presenter, moderator, admin, doctor]) {
      if (!person) continue;
      console.log(person.name, JSON.stringify(await person.video()), person.problems);
      await person.shoot(`failed-captions-${person.name}`);
    }
    writeFileSync(join(shots, 'failed-captions.log'), lectern.log);
  });
});

const position = async (): Promise<number> => Number(await doctor.page.locator('[data-position]').getAttribute('data-position'));
const strip = () => doctor.page.locator('[data-captions]').innerText();

test('a live line is shown to a doctor who wants captions', async () => {
  presenter = await Person.enter(browser, 'presenter', demo.studio);
  moderator = await Person.enter(browser, 'moderator', demo.console);
  doctor = await Person.enter(browser, 'doctor', demo.attend);
  await presenter.page.getByRole('button', { name: 'Go live' }).click();
  await until('the doctor sees the lecture', async () => (await position()) > 2000);
  await moderator.page.goto(`${lectern.url}/captioner/${demo.course}`);
  await moderator.page.getByRole('button', { name: 'Start writing' }).click();
  const line = moderator.page.getByRole('textbox', { name: /What is said/ });
  await line.fill('A live <b>line</b>');
  await line.press('Enter');
  await moderator.page.locator('[data-line="1"]').waitFor();
  expect(await line.inputValue()).toBe('');
  await doctor.page.getByRole('button', { name: /^Captions/ }).click();
  await doctor.page.getByRole('menuitemradio', { name: /English/ }).click();
  await line.fill('A second one');
  await line.press('Enter');
  await until('the line is under the picture', async () => (await strip()).includes('A second one'));
  expect(await doctor.page.locator('section.transcript').innerText()).toContain('A live <b>line</b>');
  await moderator.shoot('captioner');
  await until('there is something to replay', async () => (await position()) > 13_000);
});

test('speech recognition leaves a draft, which an admin shows', async () => {
  const ended = await presenter.page.evaluate(
    async (course) => (await fetch(`/api/courses/${course}/end`, { method: 'POST' })).status,
    demo.course,
  );
  expect(ended).toBe(200);
  admin = await Person.enter(browser, 'admin', demo.admin);
  await admin.page.getByRole('button', { name: 'Captions' }).first().click();
  const portuguese = admin.page.locator('[data-language="pt"]');
  await portuguese.waitFor({ timeout: 90_000 });
  await portuguese.getByRole('button', { name: 'Show this' }).click();
  await portuguese.getByText('Shown', { exact: true }).waitFor();
});

test('a file that is wrong is refused by line, a right one is shown', async () => {
  const input = admin.page.locator('input[type=file]');
  const bad = file.replace('00:00:07.500', '00:00:03.000');
  await input.setInputFiles({ name: 'bad.vtt', mimeType: 'text/vtt', buffer: Buffer.from(bad) });
  await admin.page.getByRole('button', { name: 'Upload' }).click();
  await admin.page.getByText('Line 6: This caption ends before it begins.').waitFor();
  await admin.shoot('captions-admin');
  await input.setInputFiles({ name: 'good.vtt', mimeType: 'text/vtt', buffer: Buffer.from(file) });
  await admin.page.getByRole('button', { name: 'Upload' }).click();
  await admin.page.locator('[data-language="en"] [data-version="2"]').getByText('Shown', { exact: true }).waitFor();
});

test('the replay shows each caption at its second', async () => {
  await doctor.page.goto(`${lectern.url}/watch/${demo.course}?t=0`);
  await until('the recording plays', async () => {
    const unblock = doctor.page.getByRole('button', { name: /^Play from/ });
    if (await unblock.first().isVisible()) await unblock.first().click();
    return (await position()) > 300;
  });
  const seen: [number, string][] = [];
  await until('it has played for five seconds', async () => {
    const at = await position();
    seen.push([at, await strip()], [await position(), await strip()]);
    return at > 5_500;
  });
  // Read a moment after the position, so only what is shown well inside a caption is judged.
  for (const [at, words] of seen) {
    if (at > 1_400 && at < 3_400) expect(words).toContain('Dr Rao: Good morning, and welcome.');
    if (at > 4_400 && at < 7_000) expect(words).toContain('p < 0.05');
    if (at < 500) expect(words.trim()).toBe('');
  }
  expect(seen.some(([at]) => at > 1_400 && at < 3_400)).toBe(true);
  await doctor.shoot('captions-replay');
});

test('the transcript is searched, and a line plays from its moment', async () => {
  const search = doctor.page.getByRole('searchbox', { name: 'Search the transcript' });
  await search.fill('CAFE');
  await doctor.page.getByText('1 of 1 match').waitFor();
  expect(await doctor.page.locator('section.transcript mark').allInnerTexts()).toEqual(['caf\u00e9']);
  expect(await doctor.page.locator('[data-line="2"] [dir="auto"]').evaluate((line) => getComputedStyle(line).direction)).toBe(
    'rtl',
  );
  await doctor.page.locator('[data-line="0"]').click();
  await until('it plays from there', async () => {
    const at = await position();
    return at >= 900 && at < 3_500;
  });
  await doctor.shoot('transcript');
  for (const person of [presenter, moderator, admin, doctor]) expect(person.problems).toEqual([]);
});
