import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distance, launch, Person, QUARTERS, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';

/** A moderator asks a doctor onto the panel, puts them on air, mutes them and puts them back; another doctor hears and sees it. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let guest: Person;
let moderator: Person;
let doctor: Person;

const near = 40;

beforeAll(async () => {
  const camera = syntheticCamera();
  await lectern.start();
  demo = await lectern.demo();
  browser = await launch(camera);
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

/** The energy of each voice that somebody hears, over all connections of the page, and the packets of it; by voice. */
const voices = (person: Person) =>
  person.page.evaluate(async () => {
    const heard: Record<string, { energy: number; packets: number }> = {};
    const connections = (window as unknown as { peerConnections: RTCPeerConnection[] }).peerConnections;
    for (const [i, pc] of connections.entries()) {
      if (pc.connectionState !== 'connected') continue;
      (await pc.getStats()).forEach((s: Record<string, unknown>) => {
        if (s['type'] !== 'inbound-rtp' || s['kind'] !== 'audio') return;
        heard[`${i} ${String(s['id'])}`] = {
          energy: Number(s['totalAudioEnergy'] ?? 0),
          packets: Number(s['packetsReceived'] ?? 0),
        };
      });
    }
    return heard;
  });

/** How many voices sound within 1.5 s: packets come, and with them energy. */
async function sounding(person: Person): Promise<number> {
  const before = await voices(person);
  await new Promise((wake) => setTimeout(wake, 1_500));
  const after = await voices(person);
  return Object.entries(after).filter(([id, now]) => {
    const then = before[id] ?? { energy: 0, packets: 0 };
    return now.packets > then.packets && now.energy > then.energy;
  }).length;
}

const row = (name: string) => moderator.page.locator('.panel li').filter({ hasText: name });

test('a lecture is on air with a moderator and two doctors', async () => {
  presenter = await Person.enter(browser, 'presenter', demo.studio);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  guest = await Person.enter(browser, 'guest', demo.attendees[0]!);
  doctor = await Person.enter(browser, 'doctor', demo.attendees[1]!);
  for (const person of [guest, doctor])
    await person.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor({ timeout: 30_000 });
  moderator = await Person.enter(browser, 'moderator', demo.console);
  await until('one voice is heard', async () => (await sounding(doctor)) === 1, 30_000);
});

let name = '';

test('an attendee who is asked in joins backstage, and the audience hears nothing of it', async () => {
  name = (await guest.api<{ person: { name: string } }>('/api/me')).person.name;
  await moderator.page.locator('summary', { hasText: 'Ask somebody in' }).click();
  await moderator.page.getByRole('button', { name: `Ask ${name} onto the panel` }).click();
  await guest.page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
  await guest.shoot('panel-preview');
  await guest.page.getByRole('button', { name: 'Join the panel' }).click();
  await guest.page.locator('.seat[data-line="connected"][data-air="off"]').waitFor({ timeout: 20_000 });
  await until(
    'the moderator sees them backstage',
    async () => ((await row(name).textContent()) ?? '').includes('Backstage'),
    20_000,
  );
  await until('the presenter hears them', async () => (await sounding(presenter)) === 1, 20_000);
  await until('they hear the presenter, and not themselves', async () => (await sounding(guest)) >= 1, 20_000);
  expect(await sounding(doctor)).toBeLessThan(2);
  await guest.shoot('panel-backstage');
});

test('on air both are heard at once', async () => {
  const put = performance.now();
  await row(name).getByRole('button', { name: 'Put on air' }).click();
  await guest.page.locator('.seat[data-air="on"]').waitFor({ timeout: 10_000 });
  await until('two voices are heard', async () => (await sounding(doctor)) === 2, 20_000);
  console.log(
    `two voices were heard at most ${Math.round(performance.now() - put)} ms after the press, 1500 ms of listening included`,
  );
  await until('a picture is seen', async () => distance(await doctor.quarters('video'), QUARTERS) < near);
  await until(
    'the studio shows it',
    async () => (await presenter.page.locator('.panel li[data-air="on"]').count()) === 2,
    20_000,
  );
  await presenter.shoot('studio-panel');
  // A phone shows one column of the console at a time.
  await moderator.page.setViewportSize({ width: 360, height: 740 });
  await moderator.page.getByRole('button', { name: 'On air', exact: true }).click();
  await moderator.shoot('console-panel');
  await guest.shoot('panel-on-air');
});

test('who is muted is not heard, is told, and may ask', async () => {
  await row(name).getByRole('button', { name: 'Mute' }).click();
  await guest.page.getByText('The moderator has muted you').waitFor();
  await until('one voice is left', async () => (await sounding(doctor)) === 1, 20_000);
  await guest.page.getByRole('button', { name: 'Ask to be unmuted' }).click();
  await row(name).getByText('Asks to be unmuted').waitFor({ timeout: 10_000 });
  await row(name).getByRole('button', { name: 'Unmute' }).click();
  await until('both are heard again', async () => (await sounding(doctor)) === 2, 20_000);
});

test('who is put back is out at once, and goes on watching', async () => {
  await row(name)
    .getByRole('button', { name: `Put ${name} back to the audience` })
    .click();
  await guest.page.locator('.seat').waitFor({ state: 'detached', timeout: 10_000 });
  await until('one voice is left', async () => (await sounding(doctor)) === 1, 20_000);
  await guest.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor();
  expect(await guest.page.evaluate(() => document.querySelector('video')!.muted)).toBe(false);
  expect((await guest.page.request.get(`${lectern.url}/api/courses/${demo.course}/panel`)).status()).toBe(403);
  for (const person of [presenter, guest, moderator, doctor]) expect(person.problems).toEqual([]);
});
