/**
 * Where the HLS of a lecture is fetched, and the leave to do so: from this server by the session, or from the hosts of a CDN by cookies
 * that last five minutes and are renewed while somebody watches (openapi.yaml, mediaAccess).
 */
import { Problem, mediaAccess, type MediaHost } from '../shared/api';

export interface AccessOptions {
  course: string;
  /** The server says that this person may watch no longer. */
  onrefused: () => void;
  ask?: (course: string) => Promise<{ hosts: MediaHost[]; renew_s: number }>;
  post?: (url: string, init: RequestInit) => Promise<{ ok: boolean }>;
}

/** When the answer did not come, it is asked for again so much later, in ms. Cookies last twice as long as `renew_s` says. */
const retryAfter = 10_000;
/** A host that did not answer is not asked first again before this, in ms. */
const patience = 15_000;

export class MediaAccess {
  private readonly options: AccessOptions;
  private hosts: MediaHost[] = [];
  private chosen = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;
  /** The first answer, or that there was none: then this server itself may do. */
  private opened: Promise<void> | undefined;

  constructor(options: AccessOptions) {
    this.options = options;
  }

  /** Resolves when media can be fetched. */
  ready(): Promise<void> {
    return (this.opened ??= this.renew());
  }

  /** An address of this server's HLS, on the host in use. */
  at(path: string): string {
    const base = this.hosts[this.chosen]?.base;
    const below = /^\/hls\/[^/]+\/(.*)$/.exec(path)?.[1];
    return base === undefined || below === undefined ? path : base + below;
  }

  /** Requests to the host in use have to carry its cookies on purpose. */
  get foreign(): boolean {
    return this.hosts.length > 0;
  }

  /** The host in use does not answer: takes the next. False when there is only one. */
  async next(): Promise<boolean> {
    if (this.hosts.length < 2) return false;
    this.chosen = (this.chosen + 1) % this.hosts.length;
    await this.knock();
    return true;
  }

  /** Asks for new leave and carries it to the host in use; then again in time. */
  async renew(): Promise<void> {
    clearTimeout(this.timer);
    if (this.over) return;
    let after = retryAfter;
    try {
      const { hosts, renew_s } = await (this.options.ask ?? mediaAccess)(this.options.course);
      const inUse = this.hosts[this.chosen]?.base;
      this.hosts = hosts;
      this.chosen = Math.max(
        0,
        hosts.findIndex((host) => host.base === inUse),
      );
      if (hosts.length === 0) return; // by the session: there is nothing to renew
      after = renew_s * 1000;
      for (let tries = 0; tries < hosts.length && !(await this.knock()); tries++) this.chosen = (this.chosen + 1) % hosts.length;
    } catch (error) {
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) {
        if (this.hosts.length > 0) this.options.onrefused();
        return;
      }
    }
    if (!this.over) this.timer = setTimeout(() => void this.renew(), after);
  }

  close(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  /** Brings the grant to the host in use, which sets its cookies. */
  private async knock(): Promise<boolean> {
    const host = this.hosts[this.chosen];
    if (!host?.access || !host.grant) return true;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const init: RequestInit = {
        method: 'POST',
        // Of this type the browser asks nobody first.
        headers: { 'Content-Type': 'text/plain' },
        body: JSON.stringify(host.grant),
        credentials: 'include',
        signal: abort.signal,
      };
      return (await (this.options.post ?? ((url, wanted) => fetch(url, wanted)))(host.access, init)).ok;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
