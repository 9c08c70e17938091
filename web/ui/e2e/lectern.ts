import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const binary = process.env['LECTERN_BINARY'] ?? join(repository, 'bin/lectern');

/** What `lectern demo -json` prints: links that sign in once, codes that nobody used yet. */
export interface Demo {
  admin: string;
  studio: string;
  console: string;
  attend: string;
  attendees: string[];
  codes: string[];
  course: string;
}

/** A `lectern serve` of its own on free ports, with a data folder of its own. */
export class Lectern {
  readonly data = mkdtempSync(join(tmpdir(), 'lectern-e2e-'));
  url = '';
  admin = '';
  log = '';
  #env: NodeJS.ProcessEnv = {};
  #child: ChildProcess | undefined;

  /** Starts a new server on this machine's loopback, or on another address of it, with `settings` of its own. */
  async start(host = '127.0.0.1', settings: Record<string, string> = {}): Promise<void> {
    const port = await freePort();
    const adminPort = await freePort();
    this.url = `${(settings['LECTERN_TLS'] ?? 'off') === 'off' ? 'http' : 'https'}://${host}:${port}`;
    this.admin = `http://127.0.0.1:${adminPort}`;
    this.#env = {
      ...process.env,
      LECTERN_ADDR: `${host}:${port}`,
      LECTERN_ADMIN_ADDR: `127.0.0.1:${adminPort}`,
      LECTERN_DATA: this.data,
      ...settings,
    };
    await this.restart();
  }

  /** Starts the server again on the same ports and data; resolves when it is ready. */
  async restart(): Promise<void> {
    const child = spawn(binary, ['serve'], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const keep = (chunk: Buffer) => (this.log += chunk.toString());
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await until('the server is ready', async () => {
      if (child.exitCode !== null) throw new Error(`lectern ended with ${child.exitCode}:\n${this.log}`);
      return (await fetch(`${this.admin}/readyz`).catch(() => undefined))?.status === 200;
    });
  }

  /** Kills the server as a power cut would. Its children must notice by themselves. */
  async kill(): Promise<void> {
    const child = this.#child!;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  async stop(): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  remove(): void {
    rmSync(this.data, { recursive: true, force: true });
  }

  async demo(): Promise<Demo> {
    return JSON.parse(await this.command('demo', '-json')) as Demo;
  }

  /** A bearer token for WHIP, WHEP and HLS. */
  async token(course: string, role: 'presenter' | 'attendee'): Promise<string> {
    return (await this.command('token', '-course', course, '-role', role)).trim();
  }

  async command(...args: string[]): Promise<string> {
    const { stdout } = await run(binary, args, { env: this.#env });
    return stdout;
  }
}

/** Waits until check is true, and says what it waited for when it never was. */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
  everyMs = 100,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    if (await check()) return;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await new Promise((wake) => setTimeout(wake, everyMs));
  }
}

/** A port below those that the system gives to everybody who asks for any, so that nobody gets it before the server does. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
