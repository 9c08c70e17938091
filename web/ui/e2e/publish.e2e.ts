import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, type Demo } from './lectern';

/** An admin sets a programme up from nothing to "published" with the keyboard alone; a doctor reads the disclosures before the lecture. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
const people: Person[] = [];

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

/** Presses Tab until something with this name has the focus; the mouse is never used. */
async function reach(page: Page, name: RegExp, most = 150): Promise<void> {
  for (let i = 0; i < most; i++) {
    const said = await page.evaluate(() => {
      const on = document.activeElement as HTMLElement | null;
      const label = on instanceof HTMLInputElement || on instanceof HTMLTextAreaElement || on instanceof HTMLSelectElement;
      return (label ? on.labels?.[0]?.textContent : (on?.getAttribute('aria-label') ?? on?.textContent))?.trim() ?? '';
    });
    if (name.test(said)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`nothing called ${name} can be reached by Tab on ${page.url()}`);
}

async function press(page: Page, name: RegExp): Promise<void> {
  await reach(page, name);
  await page.keyboard.press('Enter');
}

async function fill(page: Page, name: RegExp, text: string): Promise<void> {
  await reach(page, name);
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

async function clean(page: Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${where}: ${v.id} ${v.nodes.map((n) => n.target).join(' ')}`)).toEqual([]);
}

beforeEach(() => {
  onTestFailed(async () => {
    for (const person of people) await person.shoot(`failed-${person.name}`);
  });
});

const seen = (page: Page, text: string) => page.getByText(text).first().waitFor({ timeout: 15_000 });

test('an admin publishes a programme by keyboard alone', async () => {
  const admin = await Person.enter(browser, 'admin', demo.admin);
  people.push(admin);
  const { page } = admin;
  await page.waitForURL(/\/admin\//);
  await page.goto(`${lectern.url}/admin`);
  await page.getByRole('button', { name: 'New programme' }).waitFor();
  await press(page, /^New programme$/);
  await fill(page, /^Title/, 'Cardiology 2036');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/admin\/[0-9a-f-]{36}$/);
  await seen(page, '1 thing before you can publish');
  await clean(page, 'a new programme');

  await press(page, /^Add a course$/);
  await fill(page, /^Title/, 'Murmurs');
  await reach(page, /^Starts/);
  await page.keyboard.type('01102036');
  await page.keyboard.press('Tab');
  await page.keyboard.type('0730PM');
  await press(page, /^Add course$/);
  await seen(page, 'Course 1 has no presenter');

  await press(page, /^Invite a speaker$/);
  await fill(page, /^Name/, 'Dr Heart');
  await fill(page, /^E-mail/, 'heart@clinic.example');
  await press(page, /^Make the link$/);
  const link = await page.getByLabel('The link').inputValue();
  await page.keyboard.press('Escape');
  await seen(page, 'Dr Heart has not signed the disclosure');

  const speaker = await Person.enter(browser, 'speaker', link);
  people.push(speaker);
  await speaker.page.waitForURL(/\/disclosure\//);
  await clean(speaker.page, 'the form of the disclosure');
  await speaker.shoot('disclosure');
  await fill(speaker.page, /^Company 1/, 'Stent Ltd');
  await reach(speaker.page, /^Nature 1/);
  await speaker.page.keyboard.type('Research');
  await fill(speaker.page, /^Your name/, 'Dr Heart');
  await speaker.page.keyboard.press('Enter');
  await seen(speaker.page, 'Signed by');

  await page.reload();
  await seen(page, 'that are not mitigated yet');
  await press(page, /^Mitigate$/);
  await fill(page, /^How/, 'Another doctor reviewed the slides.');
  await press(page, /^Mark as mitigated$/);
  await seen(page, 'Everything is there, you can publish');
  await press(page, /^Settings$/);
  await fill(page, /^Description/, 'For doctors who listen.');
  await clean(page, 'the settings');
  await admin.shoot('settings');
  await press(page, /^Save the draft$/);
  await seen(page, 'Draft saved');
  await press(page, /^Publish$/);
  await seen(page, 'Doctors see version 1');
  await clean(page, 'a published programme');
  await admin.shoot('publication');
  expect([...admin.problems, ...speaker.problems]).toEqual([]);
});
