import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, Person, syntheticCamera, type Message } from './browser';
import { Lectern, until, type Demo } from './lectern';
import { misalignment, probe, readRecording } from './recording';

/** kill -9 in mid-lecture: everybody is back by themselves, and nothing that was acknowledged is lost. */

interface Resume {
  watched: [number, number][];
  edits: { timeline_ms: number; recording_ms: number; length_ms: number }[];
}

const lectern = new Lectern();
let browser: Browser;
let demo: Demo;
let presenter: Person;
const doctors: Person[] = [];
const question = 'Is the threshold the same with the newer assay?';

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

/** The reports that the server has acknowledged, as it was told of them. */
function acknowledged({ heard }: Person): { from_ms: number; to_ms: number }[] {
  const key = ({ data }: Message) => `${String(data['player'])}/${String(data['seq'])}`;
  const acks = new Set(heard.received.filter((m) => m.type === 'ack').map(key));
  return heard.sent
    .filter((m) => m.type === 'report' && acks.has(key(m)))
    .flatMap((m) => m.data['spans'] as { from_ms: number; to_ms: number }[]);
}

test('a lecture is on air with two doctors, and one asks a question', async () => {
  presenter = await Person.enter(browser, 'presenter', demo.studio);
  const live = presenter.page.getByRole('button', { name: 'Go live' });
  await until('the button wakes up', () => live.isEnabled(), 20_000);
  await live.click();
  await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 15_000 });
  for (const link of demo.attendees.slice(0, 2)) doctors.push(await Person.enter(browser, `doctor ${doctors.length}`, link));
  for (const doctor of doctors) {
    await doctor.page.locator('.page-root[data-transport="webrtc"][data-state="playing"]').waitFor();
  }
  await doctors[0]!.page.getByLabel('Your question').fill(question);
  await doctors[0]!.page.getByRole('button', { name: 'Send' }).click();
  await doctors[0]!.page.getByText('Your question, received').first().waitFor();
  for (const doctor of doctors) await until('two reports are acknowledged', () => acknowledged(doctor).length >= 2);
});

let killedAt = 0;
let backAfter = 0;

test('after kill -9 and a restart everybody is back by themselves', async () => {
  // The server's own word on where the lecture is; pages on a busy machine lag behind.
  const { broadcast } = await doctors[0]!.api<{ broadcast: { timeline_ms: number } }>(`/api/courses/${demo.course}`);
  killedAt = broadcast.timeline_ms;
  await lectern.kill();
  const before = await Promise.all(doctors.map((d) => d.decoded()));
  const killed = performance.now();
  await lectern.restart();
  const listening = performance.now();
  await Promise.all(
    doctors.map(async (doctor, i) => {
      await until(`${doctor.name} decodes again`, async () => {
        const now = await doctor.decoded();
        return now.frames > 0 && now.frames !== before[i]!.frames && doctor.page.locator('[data-state="playing"]').isVisible();
      });
    }),
  );
  backAfter = performance.now() - listening;
  console.log(`restart took ${Math.round(listening - killed)} ms, pictures were back ${Math.round(backAfter)} ms after it`);
  await presenter.page.locator('.studio[data-state="air"][data-line="connected"]').waitFor();
  for (const doctor of doctors) {
    const count = acknowledged(doctor).length;
    await until(`${doctor.name} reports again`, () => acknowledged(doctor).length > count);
  }
});

test('nothing that was acknowledged is lost', async () => {
  await presenter.page.getByRole('button', { name: 'End lecture…' }).click();
  await presenter.page.getByRole('button', { name: 'End lecture', exact: true }).click();
  await presenter.page.locator('.studio[data-state="over"]').waitFor();
  for (const doctor of doctors) {
    const { watched } = await doctor.api<Resume>(`/api/courses/${demo.course}/resume`);
    const kept = (second: number) => watched.some(([from, to]) => from <= second && second < to);
    const spans = acknowledged(doctor);
    expect(spans.length).toBeGreaterThan(2);
    // The answer lists what counts, which is what the recording keeps: the hole of the crash is not asked for.
    const { edits } = await doctor.api<Resume>(`/api/courses/${demo.course}/resume`);
    const recorded = (s: number) => edits.some((e) => e.timeline_ms <= s * 1000 && (s + 1) * 1000 <= e.timeline_ms + e.length_ms);
    const lost = spans.flatMap(({ from_ms, to_ms }) => {
      const seconds: number[] = [];
      for (let s = Math.ceil(from_ms / 1000); (s + 1) * 1000 <= to_ms; s++) if (recorded(s) && !kept(s)) seconds.push(s);
      return seconds;
    });
    expect(lost).toEqual([]);
  }
  const { questions } = await doctors[0]!.api<{ questions: { text: string }[] }>(`/api/courses/${demo.course}/questions`);
  expect(questions.map((q) => q.text)).toContain(question);
});

test('the recording lost at most one part, and plays', async () => {
  const { edits } = await doctors[0]!.api<Resume>(`/api/courses/${demo.course}/resume`);
  const cut = edits.filter((e) => e.timeline_ms < killedAt);
  const until_ms = Math.max(...cut.map((e) => e.timeline_ms + e.length_ms));
  console.log(`killed at ${killedAt} ms, recorded up to ${Math.round(until_ms)} ms; pieces ${JSON.stringify(edits)}`);
  // A part is 0.5 s, and what the encoder of sound and the reorder buffer still held was in no part yet.
  expect(killedAt - until_ms).toBeLessThan(500 + 700);
  const token = await lectern.token(demo.course, 'attendee');
  const renditions = await readRecording(`${lectern.url}/hls/${demo.course}/index.m3u8`, token);
  expect(renditions).toHaveLength(4);
  expect(misalignment(renditions)).toBeLessThan(0.5 / 30);
  for (const rendition of renditions) expect((await probe(rendition.url, token)).frames).toBeGreaterThan(0);
});
