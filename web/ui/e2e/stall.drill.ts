import type { Browser } from 'playwright-core';
import { expect, onTestFailed, test } from 'vitest';
import { launch, Person, syntheticCamera } from './browser';
import { quantile, spread } from './figures';
import { launchFirefox } from './firefox';
import { Lectern, until } from './lectern';

/**
 * Low-latency HLS for five minutes (LECTERN_STALL, in seconds) in the player's own page, while its quality is changed by force every
 * 2.5 s: how far the picture is behind the packager, and whether it ever stands still.
 */
const seconds = Number(process.env['LECTERN_STALL'] ?? 300);
const changeEvery = 2_500;
/** A picture that stands still for less than this is not a stall: it is shown for some frames too long. */
const stallMS = 500;

interface Seen {
  /** Milliseconds of the timeline that the picture is behind, several times a second. */
  behind: number[];
  /** How long the picture stood still, in ms, each time. */
  stalls: number[];
  changes: number;
  heights: number[];
}

/** The browser gets no WebRTC, as one without the codec does, and HLS is what is left. */
function withoutWebRTC(): void {
  const real = window.fetch;
  window.fetch = (input, init) => {
    const address = input instanceof Request ? input.url : String(input);
    if (init?.method === 'POST' && address.includes('/whep/')) return Promise.resolve(new Response('{}', { status: 422 }));
    return real(input, init);
  };
}

/** Runs in the page. `began` is when the timeline was 0, by this machine's clock. */
function observe([began, lasts, changeEvery, stallMS]: readonly [number, number, number, number]): Promise<Seen> {
  const seen: Seen = { behind: [], stalls: [], changes: 0, heights: [] };
  const video = document.querySelector('video')!;
  const clock = document.querySelector<HTMLElement>('[data-position]')!;
  new MutationObserver(() => seen.behind.push(Date.now() - began - Number(clock.dataset['position']))).observe(clock, {
    attributeFilter: ['data-position'],
  });
  let at = video.currentTime;
  let moved = performance.now();
  const watching = setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== at) {
      if (now - moved > stallMS) seen.stalls.push(Math.round(now - moved));
      at = video.currentTime;
      moved = now;
    }
  }, 50);
  const opener = document.querySelector<HTMLElement>('[aria-haspopup=menu][aria-label=Quality]')!;
  const changing = setInterval(() => {
    seen.heights.push(video.videoHeight);
    opener.click();
    requestAnimationFrame(() => {
      const choices = [...document.querySelectorAll<HTMLElement>('[role=menuitemradio]')].filter((item) =>
        /^\d+p/.test(item.textContent?.trim() ?? ''),
      );
      if (choices.length > 1) choices[seen.changes++ % choices.length]!.click();
    });
  }, changeEvery);
  return new Promise((done) =>
    setTimeout(() => {
      clearInterval(watching);
      clearInterval(changing);
      if (performance.now() - moved > stallMS) seen.stalls.push(Math.round(performance.now() - moved));
      done(seen);
    }, lasts),
  );
}

test.for([
  { name: 'Chromium', open: () => launch(syntheticCamera()) },
  { name: 'Firefox', open: launchFirefox },
])('low-latency HLS in $name, its quality changed every 2.5 s', { timeout: (seconds + 120) * 1000 }, async ({ name, open }) => {
  const lectern = new Lectern();
  let chromium: Browser | undefined;
  let browser: Browser | undefined;
  try {
    await lectern.start();
    const demo = await lectern.demo();
    chromium = await launch(syntheticCamera());
    const presenter = await Person.enter(chromium, 'presenter', demo.studio);
    const live = presenter.page.getByRole('button', { name: 'Go live' });
    await until('the button wakes up', () => live.isEnabled(), 30_000);
    await live.click();
    await presenter.page.locator('.studio[data-state="air"]').waitFor({ timeout: 30_000 });
    browser = await open();
    const doctor = await Person.enter(browser, 'doctor', demo.attendees[0]!, withoutWebRTC);
    onTestFailed(async () => {
      console.log(name, await doctor.video(), doctor.problems, lectern.log.slice(-2_000));
      await doctor.shoot(`failed-drill-stall-${name}`);
    });
    await doctor.page.locator('.page-root[data-transport="hls"][data-state="playing"]').waitFor({ timeout: 60_000 });
    const course = /\/watch\/([0-9a-f-]+)/.exec(doctor.page.url())![1]!;
    const asked = Date.now();
    const { broadcast } = await doctor.api<{ broadcast: { timeline_ms: number } }>(`/api/courses/${course}`);
    const began = (asked + Date.now()) / 2 - broadcast.timeline_ms;
    await until(
      'all qualities are there and the start is over',
      async () => {
        const shown = await doctor.page.evaluate(() => document.querySelector('video')!.currentTime);
        return shown > 0 && Date.now() - asked > 8_000;
      },
      30_000,
    );
    const seen = await doctor.page.evaluate(observe, [began, seconds * 1000, changeEvery, stallMS] as const);
    console.log(
      `${name}, ${seconds} s of low-latency HLS, ${seen.changes} changes (heights ${[...new Set(seen.heights)].join(', ')}): ` +
        `packager to screen ${spread(seen.behind)}, stalls ${seen.stalls.length ? seen.stalls.join(', ') + ' ms' : 'none'}`,
    );
    expect(seen.changes).toBeGreaterThan((seconds * 1000) / changeEvery / 2);
    expect(new Set(seen.heights).size).toBeGreaterThan(1);
    expect(seen.stalls).toEqual([]);
    expect(quantile(seen.behind, 0.5)).toBeLessThanOrEqual(1_600);
    expect(quantile(seen.behind, 0.95)).toBeLessThanOrEqual(1_900);
    expect(doctor.problems).toEqual([]);
  } finally {
    await browser?.close();
    await chromium?.close();
    await lectern.stop();
    lectern.remove();
  }
});
