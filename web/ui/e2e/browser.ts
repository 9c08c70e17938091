import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** Where screenshots land; git ignores it. */
export const shots = resolve(import.meta.dirname, '../../../shots');

/** The four quarters of the synthetic camera, left to right and top to bottom, as red, green and blue. */
export const QUARTERS: readonly (readonly [number, number, number])[] = [
  [200, 40, 40],
  [40, 160, 40],
  [40, 40, 200],
  [200, 200, 40],
];

/**
 * A camera film of four coloured quarters with a moving bar, so that frames differ and content can be told. It is made once and then kept:
 * the name says what is in it, and it appears only when it is whole, because others on this machine may read it.
 */
export function syntheticCamera(): string {
  const quarter = ([r, g, b]: readonly [number, number, number]) =>
    `color=c=0x${[r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('')}:s=640x360:r=30:d=10`;
  const inputs = QUARTERS.flatMap((rgb) => ['-f', 'lavfi', '-i', quarter(rgb)]);
  const filter =
    '[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack[q];' +
    'color=c=white:s=24x720:r=30:d=10[bar];[q][bar]overlay=x=mod(t*128\\,1256):y=0:shortest=1,noise=alls=6:allf=t';
  const recipe = [...inputs, '-filter_complex', filter, '-t', '10', '-q:v', '4', '-f', 'mjpeg'];
  const file = join(tmpdir(), `lectern-camera-${createHash('sha256').update(recipe.join(' ')).digest('hex').slice(0, 12)}.mjpeg`);
  if (!existsSync(file)) {
    const film = join(mkdtempSync(join(tmpdir(), 'lectern-camera-')), 'film');
    execFileSync('ffmpeg', ['-loglevel', 'error', ...recipe, film]);
    renameSync(film, file);
    rmdirSync(dirname(film));
  }
  return file;
}

/** Where Chromium runs and what it trusts, when it is not on the server's own machine. */
export interface Place {
  program?: string;
  /** Treated as if it had TLS, which cameras and some other things need. */
  origin?: string;
  /** Its certificate is not signed by anybody. */
  selfSigned?: boolean;
}

/** Real Chromium with a film as its camera and a beep as its microphone, which cannot reach any other host. */
export function launch(
  camera: string,
  { program = '/usr/bin/chromium', origin, selfSigned = false }: Place = {},
): Promise<Browser> {
  const host = origin ? ` , EXCLUDE ${new URL(origin).hostname}` : '';
  return chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      ...[
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
      ],
      ...['--disable-sync', '--disable-default-apps', '--disable-domain-reliability', '--no-pings', '--metrics-recording-only'],
      `--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1${host}`,
      ...(selfSigned ? ['--ignore-certificate-errors'] : []),
      ...(origin ? [`--unsafely-treat-insecure-origin-as-secure=${origin}`] : []),
      ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
      `--use-file-for-fake-video-capture=${camera}`,
      ...['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'],
      // Several pages share one machine here; none of them is in the background for its user.
      ...[
        '--disable-renderer-backgrounding',
        '--disable-background-timer-throttling',
        '--disable-backgrounding-occluded-windows',
      ],
    ],
  });
}

/** Everything a page said on its socket, newest last. */
export interface Heard {
  sent: Message[];
  received: Message[];
}
export interface Message {
  type: string;
  data: Record<string, unknown>;
}

/** A person: a browser context of their own with one page, whose console errors and socket are kept. */
export class Person {
  readonly problems: string[] = [];
  readonly heard: Heard = { sent: [], received: [] };

  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  /** Comes to an address; `before` runs in each page before anything else of it. */
  static async enter(browser: Browser, name: string, address: string, before?: () => void): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      // Firefox has its permissions in its preferences.
      ...(browser.browserType().name() === 'chromium' ? { permissions: ['camera', 'microphone'] } : {}),
      timezoneId: 'Africa/Nairobi',
    });
    await context.addInitScript(() => {
      // The real peer connections, kept where the test can ask them for getStats.
      const Real = window.RTCPeerConnection;
      const kept: RTCPeerConnection[] = [];
      Object.assign(window, { peerConnections: kept });
      window.RTCPeerConnection = class extends Real {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          kept.push(this);
        }
      };
    });
    if (before) await context.addInitScript(before);
    const page = await context.newPage();
    const person = new Person(name, context, page);
    page.on('console', (m) => {
      // A refused connection while the server is down is what the page is there to survive.
      if (m.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(m.text())) person.problems.push(m.text());
    });
    page.on('pageerror', (e) => person.problems.push(String(e)));
    page.on('websocket', (socket) => {
      const keep = (list: Message[]) => (frame: { payload: string | Buffer }) =>
        list.push(JSON.parse(String(frame.payload)) as Message);
      socket.on('framesent', keep(person.heard.sent));
      socket.on('framereceived', keep(person.heard.received));
    });
    await page.goto(address);
    return person;
  }

  /** Calls the API as this person. */
  async api<T>(path: string): Promise<T> {
    const response = await this.page.request.get(new URL(path, this.page.url()).href);
    if (!response.ok()) throw new Error(`${this.name}: GET ${path}: ${response.status()} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Takes a picture at the width of a phone and of a laptop. */
  async shoot(name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    const before = this.page.viewportSize()!;
    for (const [width, height] of [
      [360, 740],
      [1280, 800],
    ] as const) {
      await this.page.setViewportSize({ width, height });
      await this.page.screenshot({ path: join(shots, `${name}-${width}.png`), fullPage: true });
    }
    await this.page.setViewportSize(before);
  }

  /** The state of the page's <video>, for the report of a failure. */
  video(): Promise<unknown> {
    return this.page.evaluate(() => {
      const v = document.querySelector('video');
      if (!v) return null;
      const buffered = Array.from({ length: v.buffered.length }, (_, i) => [v.buffered.start(i), v.buffered.end(i)]);
      const { currentTime, readyState, paused, seeking, videoHeight, playbackRate, error } = v;
      return { currentTime, readyState, paused, seeking, videoHeight, playbackRate, error: error?.message, buffered };
    });
  }

  /** The mean colour of each quarter of the picture that a <video> of the page plays now; nothing when there is none. */
  quarters(selector = 'video'): Promise<[number, number, number][]> {
    return this.page.evaluate((selector) => {
      const video = document.querySelector<HTMLVideoElement>(selector);
      if (!video) return []; // the page exchanges it now and then
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 64;
      const g = canvas.getContext('2d', { willReadFrequently: true })!;
      g.drawImage(video, 0, 0, 64, 64);
      return [
        [8, 8],
        [40, 8],
        [8, 40],
        [40, 40],
      ].map(([x, y]) => {
        const d = g.getImageData(x!, y!, 16, 16).data;
        const mean = (c: number) =>
          Math.round(Array.from({ length: 256 }, (_, i) => d[4 * i + c]!).reduce((a, b) => a + b) / 256);
        return [mean(0), mean(1), mean(2)] as [number, number, number];
      });
    }, selector);
  }

  /** When the page shows the first picture after `since`; both in ms since 1970, this machine's clock. */
  nextPicture(since: number): Promise<number> {
    return this.page.evaluate(
      (since) =>
        new Promise<number>((resolve) => {
          const look = () => {
            const video = document.querySelector<HTMLVideoElement>('video')!;
            video.requestVideoFrameCallback(() => (Date.now() > since ? resolve(Date.now()) : look()));
          };
          look();
        }),
      since,
    );
  }

  /** What getStats says was decoded, over all peer connections of the page. */
  decoded(): Promise<{ frames: number; audioEnergy: number; height: number; codec: string }> {
    return this.page.evaluate(async () => {
      const out = { frames: 0, audioEnergy: 0, height: 0, codec: '' };
      for (const pc of (window as unknown as { peerConnections: RTCPeerConnection[] }).peerConnections) {
        if (pc.connectionState === 'closed') continue;
        const stats = await pc.getStats();
        stats.forEach((s: Record<string, unknown>) => {
          if (s['type'] !== 'inbound-rtp') return;
          if (s['kind'] === 'video') {
            out.frames += Number(s['framesDecoded'] ?? 0);
            out.height = Number(s['frameHeight'] ?? 0);
            const codec = stats.get(s['codecId'] as string) as { mimeType?: string } | undefined;
            out.codec = codec?.mimeType ?? '';
          } else out.audioEnergy += Number(s['totalAudioEnergy'] ?? 0);
        });
      }
      return out;
    });
  }
}

/** How far two pictures are apart: the largest difference of any colour of any quarter. */
export function distance(seen: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): number {
  if (seen.length !== wanted.length) return Infinity;
  return Math.max(...wanted.flatMap((rgb, i) => rgb.map((v, c) => Math.abs(v - seen[i]![c]!))));
}
