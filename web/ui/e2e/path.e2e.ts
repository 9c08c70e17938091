import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { Lectern, type Demo } from './lectern';

/** People try their computers and networks before the day, and the admin sees how it went. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let attendee: Person;

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

beforeEach(() => {
  onTestFailed(async () => {
    for (const person of [presenter, attendee]) {
      if (!person) continue;
      console.log(person.name, JSON.stringify(await outcome(person)), person.problems);
      await person.shoot(`failed-${person.name}`);
    }
  });
});

async function clean(person: Person): Promise<void> {
  const { violations } = await new AxeBuilder({ page: person.page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
}

/** How each thing that was tried did. */
const outcome = (person: Person) =>
  person.page
    .locator('[data-step]')
    .evaluateAll((all) => Object.fromEntries(all.map((li) => [li.getAttribute('data-step'), li.getAttribute('data-state')])));

test('a presenter finds that everything works, in less than half a minute', async () => {
  presenter = await Person.enter(browser, 'presenter', demo.studio);
  await presenter.page.waitForURL(/\/studio\//);
  await presenter.page.goto(`${lectern.url}/test/${demo.course}`);
  await presenter.page.getByRole('button', { name: 'Start the test' }).waitFor();
  await clean(presenter);
  await presenter.page.getByRole('button', { name: 'Start the test' }).click();
  await presenter.page.locator('[data-verdict="ready"]').waitFor({ timeout: 30_000 });
  const tried = await outcome(presenter);
  expect(['works', 'absent']).toContain(tried['tcp']);
  expect({ ...tried, tcp: '' }).toEqual({
    udp: 'works',
    tcp: '',
    turn: 'works',
    socket: 'works',
    https: 'works',
    down: 'works',
    up: 'works',
    camera: 'works',
    microphone: 'works',
    speaker: 'waiting',
  });
  expect(await presenter.page.locator('h1').textContent()).toMatch(/doctors will see and hear you/);
  await clean(presenter);
  await presenter.shoot('path-ready');
});

test('who hears no tone is told what to do', async () => {
  await presenter.page.getByRole('button', { name: 'Play a tone' }).click();
  await presenter.page.getByRole('button', { name: 'I hear nothing' }).click();
  await presenter.page.locator('[data-finding="no_speaker"]').waitFor();
  await presenter.page.locator('[data-verdict="usable"]').waitFor();
  expect(presenter.problems).toEqual([]);
});

test('an attendee on a network without UDP is sent round by the web port', async () => {
  attendee = await Person.enter(browser, 'attendee', demo.attend);
  await attendee.page.waitForURL(/\/watch\//);
  await attendee.page.getByRole('link', { name: 'Test your connection now' }).click();
  await attendee.page.waitForURL(/\/test\//);
  // The network: nothing but what goes to the relay gets through.
  await attendee.page.evaluate(() => {
    const Real = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Real {
      constructor(configuration?: RTCConfiguration) {
        super({ ...configuration, iceTransportPolicy: 'relay' });
      }
    };
  });
  await attendee.page.emulateMedia({ colorScheme: 'dark' });
  await attendee.page.getByRole('button', { name: 'Start the test' }).click();
  await attendee.page.locator('[data-state="running"]').first().waitFor();
  await clean(attendee);
  await attendee.page.locator('[data-verdict="usable"]').waitFor({ timeout: 40_000 });
  expect(await outcome(attendee)).toMatchObject({ udp: 'fails', turn: 'works', socket: 'works', https: 'works' });
  expect(await outcome(attendee)).not.toHaveProperty('camera');
  await attendee.page.locator('[data-finding="no_udp"]').waitFor();
  await clean(attendee);
  await attendee.shoot('path-no-udp');
});

test('the admin sees both', async () => {
  const admin = await Person.enter(browser, 'admin', demo.admin);
  await admin.page.waitForURL(/\/admin/);
  const { programme } = await admin.api<{ programme: { id: string } }>(`/api/courses/${demo.course}`);
  await admin.page.goto(`${lectern.url}/admin/${programme.id}`);
  const table = admin.page.locator('section[aria-labelledby="path-tests"] table');
  await table.waitFor();
  expect(await table.locator('tbody tr').count()).toBe(2);
  expect(await table.locator('tbody tr').first().textContent()).toMatch(/Presenter.*Usable.*nothing heard/s);
  await clean(admin);
  await admin.shoot('path-admin');
});

test('a lecture goes from studio to player by nothing but the web port', async () => {
  const relayed = () => {
    const Real = window.RTCPeerConnection;
    const kept: RTCPeerConnection[] = [];
    Object.assign(window, { relayedPeers: kept });
    window.RTCPeerConnection = class extends Real {
      constructor(configuration?: RTCConfiguration) {
        super({ ...configuration, iceTransportPolicy: 'relay' });
        kept.push(this);
      }
    };
  };
  for (const person of [presenter, attendee]) await person.context.addInitScript(relayed);
  await presenter.page.goto(`${lectern.url}/studio/${demo.course}`);
  const allow = presenter.page.getByRole('button', { name: 'Turn on camera and microphone' });
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await Promise.race([allow.click(), live.waitFor()]);
  await live.click({ timeout: 30_000 });
  await presenter.page.locator('[data-state="air"]').waitFor();
  await attendee.page.goto(`${lectern.url}/watch/${demo.course}`);
  await attendee.page.locator('[data-transport="webrtc"][data-state="playing"]').waitFor({ timeout: 30_000 });
  const kinds = await attendee.page.evaluate(async () => {
    const peers = (window as unknown as { relayedPeers: RTCPeerConnection[] }).relayedPeers;
    const kinds: unknown[] = [];
    (await peers[peers.length - 1]!.getStats()).forEach((stat: Record<string, unknown>) => {
      if (stat['type'] === 'local-candidate') kinds.push(`${stat['candidateType']} over ${stat['relayProtocol']}`);
    });
    return kinds;
  });
  expect(new Set(kinds)).toEqual(new Set(['relay over tcp']));
});
