import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The bad link that `loadtest link` runs these tests on: they and the server are its near host, and a browser can be started on its
 * far host. Nothing here can reach another machine.
 */
export class Link {
  readonly near: string;
  readonly far: string;
  readonly #namespace: string;
  readonly #control: string;

  constructor() {
    const { LINK_NEAR, LINK_FAR, LINK_FAR_NS, LINK_CONTROL } = process.env;
    if (!LINK_NEAR || !LINK_FAR || !LINK_FAR_NS || !LINK_CONTROL) throw new Error('these tests run on a link: use `make drill`');
    this.near = LINK_NEAR;
    this.far = LINK_FAR;
    this.#namespace = LINK_FAR_NS;
    this.#control = LINK_CONTROL;
  }

  /** Makes the link as bad as these flags of `loadtest link` say; without any it is perfect. */
  async set(flags = ''): Promise<void> {
    const response = await fetch(this.#control, { method: 'PUT', body: flags });
    if (!response.ok) throw new Error(`link ${flags}: ${await response.text()}`);
  }

  /** A program that starts another one on the far host. */
  onFar(program: string): string {
    const file = join(mkdtempSync(join(tmpdir(), 'lectern-far-')), 'start');
    writeFileSync(file, `#!/bin/sh\nexec nsenter --net=${this.#namespace} ${program} "$@"\n`, { mode: 0o700 });
    return file;
  }
}
