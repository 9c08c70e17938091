import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';

/** A doctor registers by themself on a phone, once in Hindi and once in Arabic, and comes to the lecture. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let programme = '';
let doctor: Person | undefined;

beforeAll(async () => {
  await lectern.start();
  demo = await lectern.demo();
  browser = await launch(syntheticCamera());
  const admin = await Person.enter(browser, 'admin', demo.admin);
  await admin.page.waitForURL(/\/admin\/[0-9a-f-]{36}$/);
  programme = admin.page.url().split('/').pop()!;
  const answer = await admin.page.request.put(`${lectern.url}/api/programmes/${programme}/registrations`, {
    data: { open: true, watch: true, seats: 0, viewers: 0, domains: ['clinic.example'], licence: '' },
    headers: { Origin: lectern.url },
  });
  expect(answer.status(), await answer.text()).toBe(204);
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

beforeEach(() => {
  onTestFailed(async () => {
    if (doctor) console.log(doctor.page.url(), doctor.problems);
    await doctor?.shoot('failed-doctor');
  });
});

/** What holds of each page on the way: no violation, and nothing to push sideways. */
async function fine(person: Person, where: string, direction: string): Promise<void> {
  const { page } = person;
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${where}: ${v.id} ${v.nodes.map((n) => n.target).join(' ')}`)).toEqual([]);
  const width = await page.evaluate(() => document.scrollingElement!.scrollWidth);
  expect(width, `width of ${where}`).toBeLessThanOrEqual(360);
  expect(await page.locator('html').getAttribute('dir'), where).toBe(direction);
}

/** The code of the newest letter to this address, as the mailbox page shows it. */
async function mailed(person: Person, email: string): Promise<string> {
  const box = await person.context.newPage();
  let code = '';
  await until('the letter is there', async () => {
    await box.goto(`${lectern.url}/mailbox`);
    const letter = box.locator('.mails > li', { hasText: email }).first();
    if ((await letter.count()) === 0) return false;
    code = /\b\d{3} ?\d{3}\b/.exec(await letter.locator('pre').innerText())?.[0] ?? '';
    return code !== '';
  });
  await box.close();
  return code;
}

/** The list of courses with the doctor's own times, and the page of the lecture. */
async function toTheLecture(person: Person, name: string, direction: string): Promise<void> {
  const { page } = person;
  await page.goto(`${lectern.url}/courses`);
  const time = page.locator('.when time').first();
  await time.waitFor();
  await fine(person, 'the courses', direction);
  await person.shoot(`register-courses-${name}`);
  const own = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'Africa/Nairobi',
  });
  expect(await time.innerText()).toContain(own.format(new Date((await time.getAttribute('datetime'))!)));
  await page.goto(`${lectern.url}/watch/${demo.course}`);
  await page.locator('.page-root h1').first().waitFor();
  await fine(person, 'the lecture', direction);
  await person.shoot(`register-lecture-${name}`);
  expect(person.problems).toEqual([]);
}

test.each([
  { tongue: 'hi', direction: 'ltr', name: 'डॉ. मीरा नायर', email: 'meera@clinic.example', country: 'IN' },
  { tongue: 'ar', direction: 'rtl', name: 'د. سلمى حسن', email: 'salma@clinic.example', country: 'EG' },
])('a doctor registers in $tongue', async ({ tongue, direction, name, email, country }) => {
  doctor = await Person.enter(browser, `doctor-${tongue}`, `${lectern.url}/register/${programme}`);
  const { page } = doctor;
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator(`.languages button[value="${tongue}"]`).click();
  await page.locator(`html[lang="${tongue}"]`).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/register/${programme}`);
  await until('the zone is guessed', async () => (await page.locator('#zone').inputValue()) === 'Africa/Nairobi', 10_000);
  await fine(doctor, 'registering', direction);
  await doctor.shoot(`register-${tongue}`);
  await page.fill('#name', name);
  await page.fill('#email', email);
  await page.selectOption('#country', country);
  await page.fill('#profession', 'Cardiologist');
  await page.check('#consent');
  await page.locator('form[action^="/register/"] button.primary').click();

  await page.locator('#otp').waitFor();
  await fine(doctor, 'the code', direction);
  await doctor.shoot(`register-code-${tongue}`);
  await page.fill('#otp', await mailed(doctor, email));
  await page.locator('form[action="/sign-in/code"] button.primary').click();

  await page.waitForURL(/\/registrations/); // what the welcome page asks is known
  await fine(doctor, 'the registrations', direction);
  await doctor.shoot(`registrations-${tongue}`);

  await toTheLecture(doctor, tongue, direction);
});

test('a doctor signs in with a printed code in Arabic', async () => {
  doctor = await Person.enter(browser, 'doctor-code', `${lectern.url}/sign-in`);
  const { page } = doctor;
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator('.languages button[value="ar"]').click();
  await page.locator('html[lang="ar"]').waitFor();
  await fine(doctor, 'signing in', 'rtl');
  await doctor.shoot('sign-in-ar');
  await page.fill('#code', demo.codes[0]!);
  await page.fill('#email', 'noor@clinic.example');
  await page.locator('form[action="/sign-in"] button.primary').click();
  await page.locator('#otp').waitFor();
  await page.fill('#otp', await mailed(doctor, 'noor@clinic.example'));
  await page.locator('form[action="/sign-in/code"] button.primary').click();
  await page.waitForURL(/\/welcome/);
  await until('the zone is guessed', async () => (await page.locator('#zone').inputValue()) === 'Africa/Nairobi', 10_000);
  await fine(doctor, 'the welcome page', 'rtl');
  await doctor.shoot('welcome-ar');
  await page.fill('#name', 'د. نور علي');
  await page.selectOption('#country', 'KE');
  await page.locator('form[action="/welcome"] button.primary').click();
  await page.locator('.when').first().waitFor();
  await toTheLecture(doctor, 'code-ar', 'rtl');
});
