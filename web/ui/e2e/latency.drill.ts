import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { clockCamera, readClock } from './barcode';
import { launch, Person, syntheticCamera } from './browser';
import { quantile, spread } from './figures';
import { Lectern, until, type Demo } from './lectern';
import { ciphers } from './watching';

/** How far behind the presenter a doctor is, and how soon another layer is there, on one machine without any network between. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let doctor: Person;
let session = '';

beforeAll(async () => {
  const camera = syntheticCamera();
  await lectern.start();
  demo = await lectern.demo();
  browser = await launch(camera);
  presenter = await Person.enter(browser, 'presenter', demo.studio, clockCamera);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  doctor = await Person.enter(browser, 'doctor', 'about:blank');
  doctor.page.on('response', (r) => {
    const at = r.headers()['location'];
    if (r.request().method() === 'POST' && r.status() === 201 && at) session = new URL(at, r.url()).href;
  });
  await doctor.page.goto(demo.attendees[0]!);
  await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor();
});

afterAll(async () => {
  await browser?.close();
  await lectern.stop();
  lectern.remove();
});

const complain = () =>
  onTestFailed(async () => {
    console.log('doctor', await doctor.video(), doctor.problems, presenter.problems);
    await doctor.shoot('failed-drill-doctor');
    await presenter.shoot('failed-drill-presenter');
  });

test('from camera to screen', async () => {
  complain();
  await until('the full picture is shown', async () => (await height()) === 720, 30_000);
  await readClock(doctor, 5); // the buffer finds its size
  const { delays, unread } = await readClock(doctor, 20);
  console.log(`camera to screen: ${spread(delays)}, ${unread} pictures without a time`);
  expect(delays.length).toBeGreaterThan(100);
  expect(unread).toBeLessThan(delays.length / 20);
  expect(quantile(delays, 0.5)).toBeLessThanOrEqual(100);
});

const height = () => doctor.page.evaluate(() => document.querySelector('video')!.videoHeight);

/** Asks for a layer as the player does, and waits for the first picture of its size; ms from the one to the other. */
function change(to: string, pixels: number): Promise<number> {
  return doctor.page.evaluate(
    async ([address, to, pixels]) => {
      const asked = performance.now();
      const shown = new Promise<number>((resolve, reject) => {
        setTimeout(() => reject(new Error(`no picture of ${pixels} lines within 10 s`)), 10_000);
        const look = (now: number, picture: VideoFrameCallbackMetadata) => {
          if (picture.height === pixels) resolve(now);
          else document.querySelector('video')!.requestVideoFrameCallback(look);
        };
        document.querySelector('video')!.requestVideoFrameCallback(look);
      });
      const answer = await fetch(`${address}/layer`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ encodingId: to }),
      });
      if (!answer.ok) throw new Error(`${address}/layer: ${answer.status} ${await answer.text()}`);
      return (await shown) - asked;
    },
    [session, to, pixels] as const,
  );
}

test('another layer, 12 times', async () => {
  complain();
  const took: number[] = [];
  for (let i = 0; i < 4; i++) {
    for (const [to, pixels] of [
      ['low', 180],
      ['high', 720],
      ['mid', 360],
    ] as const) {
      took.push(await change(to, pixels));
      await readClock(doctor, 1);
    }
  }
  console.log(`another layer: ${spread(took)}`);
  expect(quantile(took, 0.95)).toBeLessThanOrEqual(600);
});

test('presenter and doctor use the cipher that costs least', async () => {
  for (const person of [presenter, doctor]) {
    const used = await ciphers(person);
    console.log(`Chromium, ${person.name}: ${used.join(', ')}`);
    expect(used).toEqual(['SRTP_AEAD_AES_128_GCM']);
  }
});
