import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, until } from './lectern';
import { Link } from './link';
import { line, path, watch } from './watching';

/** Networks that let through less and less: each has a way left for live media, and the doctor's browser finds it. */

const link = new Link();
let camera: string;

beforeAll(() => {
  camera = syntheticCamera();
});

afterAll(async () => {
  await link.set();
});

/** A server with a lecture on air, presented beside it, and a doctor's browser on the far end of the link. */
async function lecture(lectern: Lectern, selfSigned: boolean, run: (far: Browser, attendee: string) => Promise<void>) {
  const place = { origin: lectern.url, selfSigned };
  const near = await launch(camera, place);
  const far = await launch(camera, { ...place, program: link.onFar('/usr/bin/chromium') });
  try {
    const demo = await lectern.demo();
    const presenter = await Person.enter(near, 'presenter', demo.studio);
    const live = presenter.page.getByRole('button', { name: 'Go live' });
    await until('the button wakes up', () => live.isEnabled(), 20_000);
    await live.click();
    await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
    await run(far, demo.attendees[0]!);
  } finally {
    await near.close();
    await far.close();
    await lectern.stop();
    lectern.remove();
  }
}

async function attend(far: Browser, address: string): Promise<{ doctor: Person; way: string }> {
  const begin = performance.now();
  const doctor = await Person.enter(far, 'doctor', address);
  onTestFailed(async () => {
    console.log('doctor', doctor.problems, doctor.page.isClosed() ? '' : await doctor.video());
  });
  await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor({ timeout: 40_000 });
  const seconds = (performance.now() - begin) / 1000;
  const way = await path(doctor);
  const seen = await watch(doctor, 5);
  console.log(`plays by ${way} after ${seconds.toFixed(1)} s:`, line(seen));
  expect(seen.fps).toBeGreaterThan(5);
  return { doctor, way };
}

test('UDP blocked: media comes over TCP on the port of the pages', async () => {
  const lectern = new Lectern();
  await lectern.start(link.near);
  await lecture(lectern, false, async (far, attendee) => {
    await link.set('-block udp');
    const { way } = await attend(far, attendee);
    expect(way).toMatch(/^(host|prflx|srflx) tcp$/);
    await link.set();
  });
});

test('UDP blocked, pages with TLS: media comes over TCP on their port all the same', async () => {
  const lectern = new Lectern();
  await lectern.start(link.near, { LECTERN_TLS: 'self-signed' });
  await lecture(lectern, true, async (far, attendee) => {
    await link.set('-block udp');
    const { way } = await attend(far, attendee);
    expect(way).toMatch(/^(host|prflx|srflx) tcp$/);
    await link.set();
  });
});

test('UDP and the TCP port of media blocked: media comes by TURN inside TLS on the port of the pages', async () => {
  const lectern = new Lectern();
  const media = 17_000 + Math.floor(Math.random() * 10_000);
  await lectern.start(link.near, { LECTERN_TLS: 'self-signed', LECTERN_MEDIA_ADDR: `${link.near}:${media}` });
  await lecture(lectern, true, async (far, attendee) => {
    await link.set(`-block udp,tcp/${media}`);
    const { way } = await attend(far, attendee);
    // The relay's address is learned from the server's answers, so Chromium calls it reflexive; the protocol is the relay's.
    expect(way).toMatch(/^(relay|prflx) tls$/);
    await link.set();
  });
});
