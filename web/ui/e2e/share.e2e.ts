import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distance, launch, Person, QUARTERS, syntheticCamera } from './browser';
import { Lectern, until, type Demo } from './lectern';

/** A presenter shows a screen besides the camera: doctors get both, the recording has the screen, and a crash ends neither. */

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
let doctor: Person;

/** The screen has the camera's colours the other way round. */
const SCREEN = [...QUARTERS].reverse();
const near = 40;

/** Stands in for the browser's picker, which has no screen to offer here; all that follows it is real. */
function paintedScreen(): void {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, 720];
    const g = canvas.getContext('2d')!;
    const colours = ['200,200,40', '40,40,200', '40,160,40', '200,40,40'];
    let picture = 0;
    setInterval(() => {
      colours.forEach((colour, i) => {
        g.fillStyle = `rgb(${colour})`;
        g.fillRect(640 * (i % 2), 360 * (i >> 1), 640, 360);
      });
      g.fillStyle = 'white';
      g.fillRect((picture++ * 16) % 1264, 350, 16, 16);
    }, 100);
    return canvas.captureStream(10);
  };
}

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

const position = async (): Promise<number> => Number(await doctor.page.locator('[data-position]').getAttribute('data-position'));

async function shows(selector: string, wanted: readonly (readonly number[])[]): Promise<boolean> {
  if ((await doctor.page.locator(selector).count()) === 0) return false;
  return distance(await doctor.quarters(selector), wanted) < near;
}

const screenIsUp = async () =>
  (await doctor.page.locator('.picture.sharing').count()) > 0 &&
  (await shows('video.shared', SCREEN)) &&
  (await shows('video', QUARTERS));

test('a lecture is on air with a doctor', async () => {
  presenter = await Person.enter(browser, 'presenter', demo.studio);
  await presenter.page.evaluate(paintedScreen);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  doctor = await Person.enter(browser, 'doctor', demo.attendees[0]!);
  await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor();
  await until('the camera is seen', () => shows('video', QUARTERS));
  expect(await doctor.page.locator('video.shared').count()).toBe(0);
});

/** On the timeline, in ms: when the screen was not yet asked for, was there, was still there, and was gone. */
let before = 0;
let from = 0;
let to = 0;
let after = 0;

test('a screen comes large besides the camera, and goes again', async () => {
  await until('some seconds of camera are recorded', async () => (await position()) > 7_000);
  before = await position();
  const tapped = performance.now();
  await presenter.page.locator('[data-source="screen"]').click();
  await until('the screen is up', screenIsUp, 20_000, 20);
  console.log(`the screen was seen ${Math.round(performance.now() - tapped)} ms after the tap`);
  from = await position();
  expect(await presenter.page.locator('[data-source="screen"]').textContent()).toContain('ON AIR');
  await presenter.shoot('studio-sharing');
  await doctor.shoot('player-sharing');
  await until('some seconds of screen are recorded', async () => (await position()) > from + 8_000);
  await until('the screen is still up', screenIsUp, 5_000);
  to = await position();
  const stopped = performance.now();
  await presenter.page.locator('[data-source="screen"]').click();
  await until('the camera is alone', async () => (await doctor.page.locator('.picture.sharing').count()) === 0, 20_000, 20);
  console.log(`the camera was large again ${Math.round(performance.now() - stopped)} ms after the tap`);
  after = await position();
  await until('some seconds of camera are recorded', async () => (await position()) > after + 6_000);
  await until('the camera is still seen', () => shows('video', QUARTERS), 5_000);
});

test('a shared screen outlives a crash of the server', async () => {
  await presenter.page.locator('[data-source="screen"]').click();
  await until('the screen is up again', screenIsUp, 20_000, 20);
  await lectern.kill();
  await lectern.restart();
  await until('both are back', screenIsUp, 20_000, 50);
  await presenter.page.locator('[data-source="screen"]').click();
  await until('the camera is alone', async () => (await doctor.page.locator('.picture.sharing').count()) === 0, 20_000);
});

const run = promisify(execFile);

/** The colours of the quarters of the recording's picture at a moment, in seconds. */
async function recorded(seconds: number, token: string): Promise<number[][]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-v', 'error', '-headers', `Authorization: Bearer ${token}\r\n`, '-i', `${lectern.url}/hls/${demo.course}/index.m3u8`],
      ...['-ss', String(seconds), '-frames:v', '1', '-vf', 'scale=16:16:flags=area', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    ],
    { encoding: 'buffer' },
  );
  return [4 * 16 + 4, 4 * 16 + 11, 11 * 16 + 4, 11 * 16 + 11].map((at) => [...stdout.subarray(3 * at, 3 * at + 3)]);
}

test('the recording has the screen while it was shared, else the camera', async () => {
  await presenter.page.getByRole('button', { name: 'End lecture…' }).click();
  await presenter.page.getByRole('button', { name: 'End lecture', exact: true }).click();
  await presenter.page.locator('.studio[data-state="over"]').waitFor();
  const token = await lectern.token(demo.course, 'attendee');
  const { edits } = await doctor.api<{ edits: { timeline_ms: number; recording_ms: number; length_ms: number }[] }>(
    `/api/courses/${demo.course}/resume`,
  );
  const at = (timeline: number) => {
    const edit = edits.find((e) => e.timeline_ms <= timeline && timeline < e.timeline_ms + e.length_ms)!;
    return (edit.recording_ms + timeline - edit.timeline_ms) / 1000;
  };
  expect(distance(await recorded(at(before - 3_000), token), QUARTERS)).toBeLessThan(2 * near); // ffmpeg guesses the colour space
  expect(distance(await recorded(at((from + to) / 2), token), SCREEN)).toBeLessThan(2 * near);
  expect(distance(await recorded(at(after + 3_000), token), QUARTERS)).toBeLessThan(2 * near);
  for (const person of [presenter, doctor]) expect(person.problems).toEqual([]);
});
