import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { launchFirefox } from './firefox';
import { Lectern, until, type Demo } from './lectern';
import { Link } from './link';
import { ciphers, line, watch } from './watching';

/** Firefox without OpenH264 beside Chromium: it watches a lecture in H.264, and it presents one in VP8. */

const link = new Link();
let camera: string;
let chromium: Browser;
let firefox: Browser;
let lectern: Lectern;
let demo: Demo;

beforeAll(async () => {
  camera = syntheticCamera();
  firefox = await launchFirefox();
});

afterAll(async () => {
  await firefox?.close();
});

/** A server with a lecture of its own, presented from that browser. */
async function present(open: () => Promise<Browser>): Promise<Person> {
  lectern = new Lectern();
  await lectern.start(link.near);
  demo = await lectern.demo();
  const presenter = await Person.enter(await open(), 'presenter', demo.studio);
  onTestFailed(async () => {
    console.log('presenter', await presenter.video(), presenter.problems, lectern.log.slice(-2_000));
    await presenter.shoot('failed-drill-presenter');
  });
  // Firefox does not tell that the permission is there already.
  const allow = presenter.page.getByRole('button', { name: 'Turn on camera and microphone' });
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await allow.or(live).first().waitFor();
  if (await allow.isVisible()) await allow.click();
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  return presenter;
}

async function attend(browser: Browser, link: string): Promise<{ doctor: Person; transport: string; seconds: number }> {
  const begin = performance.now();
  const doctor = await Person.enter(browser, 'doctor', link);
  onTestFailed(async () => {
    console.log('doctor', await doctor.video(), doctor.problems);
    await doctor.shoot('failed-drill-doctor');
  });
  const root = doctor.page.locator('.page-root[data-state="playing"]');
  await root.waitFor({ timeout: 30_000 });
  const transport = (await root.getAttribute('data-transport'))!;
  return { doctor, transport, seconds: (performance.now() - begin) / 1000 };
}

const presenting = () => launch(camera, { origin: lectern.url }).then((browser) => (chromium = browser));

async function over(): Promise<void> {
  await chromium.close();
  await lectern.stop();
  lectern.remove();
}

test('Firefox without OpenH264 watches a lecture in H.264', async () => {
  try {
    await present(presenting);
    const { doctor, transport, seconds } = await attend(firefox, demo.attendees[0]!);
    const seen = await watch(doctor, 10);
    console.log(`Firefox watches H.264 by ${transport} after ${seconds.toFixed(1)} s:`, line(seen));
    expect(seen.fps).toBeGreaterThan(10);
    await doctor.context.close();
  } finally {
    await over();
  }
});

test('Firefox presents in VP8, and Chromium and Firefox watch it by WebRTC', async () => {
  try {
    const presenter = await present(() => Promise.resolve(firefox));
    chromium = await presenting();
    for (const [name, browser, address] of [
      ['Chromium', chromium, demo.attendees[0]!],
      ['Firefox', firefox, demo.attendees[1]!],
    ] as const) {
      const { doctor, transport, seconds } = await attend(browser, address);
      const seen = await watch(doctor, 8);
      const { codec, height } = await doctor.decoded();
      console.log(`${name} watches Firefox by ${transport} in ${codec} ${height}p after ${seconds.toFixed(1)} s:`, line(seen));
      expect({ transport, codec }).toEqual({ transport: 'webrtc', codec: 'video/VP8' });
      expect(seen.fps).toBeGreaterThan(10);
      // Firefox does not tell in every version.
      const used = await ciphers(doctor);
      console.log(`${name} watches sealed with ${used.join(', ')}`);
      for (const cipher of used) expect(cipher).toMatch(/GCM|unknown/);
      await doctor.context.close();
    }
    console.log(`Firefox presents sealed with ${(await ciphers(presenter)).join(', ')}`);
    await presenter.context.close();
  } finally {
    await over();
  }
});
