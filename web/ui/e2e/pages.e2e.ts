import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, type Demo } from './lectern';

/** The pages that no other test opens: axe finds nothing on a phone and on a laptop, and nothing has to be pushed sideways. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let programme = '';
const people: Record<string, Person> = {};

beforeAll(async () => {
  await lectern.start();
  demo = await lectern.demo();
  browser = await launch(syntheticCamera());
  people['admin'] = await Person.enter(browser, 'admin', demo.admin);
  await people['admin'].page.waitForURL(/\/admin\/[0-9a-f-]{36}$/);
  programme = people['admin'].page.url().split('/').pop()!;
  people['presenter'] = await Person.enter(browser, 'presenter', demo.studio);
  await people['presenter'].page.waitForURL(/\/studio\//);
  people['attendee'] = await Person.enter(browser, 'attendee', demo.attendees[0]!);
  await people['attendee'].page.waitForURL(/\/watch\//);
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

test.each([
  ['attendee', 'devices', '/devices'],
  ['attendee', 'progress', '/progress'],
  ['attendee', 'registrations', '/registrations'],
  ['attendee', 'materials', '/courses/COURSE/materials'],
  ['attendee', 'disclosures', '/courses/COURSE/disclosures'],
  ['attendee', 'verify', '/v'],
  ['presenter', 'faculty-disclosure', '/disclosure/PROGRAMME'],
  ['admin', 'admin', '/admin'],
  ['admin', 'admin-programme', '/admin/PROGRAMME'],
])('%s sees %s', async (who, name, path) => {
  const person = people[who]!;
  const { page } = person;
  const response = await page.goto(lectern.url + path.replace('COURSE', demo.course).replace('PROGRAMME', programme));
  expect(response!.status()).toBe(200);
  await page.locator('h1').first().waitFor();
  await page.waitForLoadState('networkidle');
  for (const [width, height] of [
    [360, 740],
    [1280, 800],
  ] as const) {
    await page.setViewportSize({ width, height });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect.soft(violations.map((v) => `${width}: ${v.id} ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([]);
    expect.soft(await page.evaluate(() => document.scrollingElement!.scrollWidth)).toBeLessThanOrEqual(width);
  }
  await person.shoot(`page-${name}`);
  expect(person.problems).toEqual([]);
});
