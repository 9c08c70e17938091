/**
 * What the publisher (whip.ts) and the subscriber (whep.ts) share: the HTTP exchange of RFC 9725, the pace of retries, and
 * reading traffic out of getStats. No framework, no DOM beyond fetch and RTCPeerConnection, which tests replace.
 */

/** Why the server did not open or restart a session. `status` is 0 when no answer came. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** What the server asks to wait, in ms; undefined when it did not say. */
  readonly waitMs: number | undefined;

  constructor(status: number, waitMs?: number) {
    super(`refused with status ${status}`);
    this.status = status;
    this.waitMs = waitMs;
  }

  /** Asking again cannot help: not signed in, not allowed, no such lecture, or an offer the server cannot read. */
  get final(): boolean {
    return [400, 401, 403, 404, 406, 415, 422].includes(this.status);
  }

  /** The server was not reached: no answer, or one of a proxy whose server is down. Lectern itself says when to come back. */
  get unreached(): boolean {
    return this.status === 0 || ([502, 503, 504].includes(this.status) && this.waitMs === undefined);
  }
}

/** A session that the server opened: where to PATCH and DELETE it, and its entity tag for ICE restarts. */
export interface Opened {
  answer: string;
  location: string;
  etag: string;
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** A viewer's request waits five seconds for the presenter of a lecture on air. */
const patience = 8_000;

async function request(get: Fetch, url: string, init: RequestInit): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  let response: Response;
  try {
    response = await get(url, { credentials: 'same-origin', cache: 'no-store', signal: abort.signal, ...init });
  } catch {
    throw new Refused(0);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return response;
  const seconds = Number(response.headers.get('Retry-After') ?? NaN);
  throw new Refused(response.status, seconds >= 0 ? Math.min(seconds, 30) * 1000 : undefined);
}

/** Opens a session: POST of the offer, RFC 9725 section 4.2. */
export async function open(get: Fetch, url: string, offer: string): Promise<Opened> {
  const response = await request(get, url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer });
  const location = response.headers.get('Location');
  if (!location) throw new Refused(502);
  return { answer: await response.text(), location, etag: response.headers.get('ETag') ?? '*' };
}

/** Restarts ICE: PATCH with the new credentials, RFC 9725 section 4.3.3. Gives the server's fragment and its new tag. */
export async function restart(get: Fetch, session: Opened, fragment: string): Promise<{ fragment: string; etag: string }> {
  const response = await request(get, session.location, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
    body: fragment,
  });
  return { fragment: await response.text(), etag: response.headers.get('ETag') ?? '*' };
}

/**
 * Ends a session, then closes its peer: the other way round the server would hear of the end by DTLS first and answer 404. `keepalive`
 * lets the request outlive the page. Whether it arrives does not matter, the server times a session out.
 */
export function end(get: Fetch, session: Opened | undefined, peer?: Pick<Peer, 'close'>): void {
  if (!session) return peer?.close();
  const timer = setTimeout(() => peer?.close(), 1_000);
  get(session.location, { method: 'DELETE', credentials: 'same-origin', keepalive: true })
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(timer);
      peer?.close();
    });
}

/** Says that one source of a session has stopped: of a still screen no packets come either, so their absence would not tell. */
export function endSource(get: Fetch, session: Opened | undefined, source: 'screen'): void {
  if (!session) return;
  const url = session.location.replace(/(\?|$)/, `/${source}$1`);
  get(url, { method: 'DELETE', credentials: 'same-origin', keepalive: true }).catch(() => undefined);
}

/** The pause before try number `tries` (from 0): 250 ms doubling to 1 s, less up to a fifth, so that a crowd does not come back at once. */
export function backoff(tries: number, random: () => number = Math.random): number {
  return Math.min(1000, 250 * 2 ** Math.min(tries, 4)) * (1 - random() / 5);
}

/** The pause before a session is tried again once the server can be reached: none the first time, then that of `backoff`. */
export function retryPause(tries: number, random?: () => number): number {
  return tries === 0 ? 0 : backoff(tries - 1, random);
}

/** The ICE credentials and candidates of a description, as the body of a restart (RFC 8840). */
export function fragmentOf(sdp: string): string {
  const lines = sdp.split(/\r?\n/);
  const firstMedia = lines.findIndex((line) => line.startsWith('m='));
  const nextMedia = lines.findIndex((line, at) => at > firstMedia && line.startsWith('m='));
  const head = lines.slice(0, firstMedia);
  const media = lines.slice(firstMedia, nextMedia < 0 ? undefined : nextMedia);
  const find = (start: string) => media.concat(head).find((line) => line.startsWith(start));
  const wanted = [
    find('a=ice-options:'),
    find('a=ice-ufrag:'),
    find('a=ice-pwd:'),
    media[0],
    find('a=mid:'),
    ...media.filter((line) => line.startsWith('a=candidate:')),
  ];
  return wanted.filter((line): line is string => Boolean(line)).join('\r\n') + '\r\n';
}

/** The answer of before with the credentials and candidates of the server's fragment in each of its sections. */
export function withFragment(answer: string, fragment: string): string {
  const said = fragment.split(/\r?\n/);
  const value = (start: string) => said.find((line) => line.startsWith(start));
  const candidates = said.filter((line) => line.startsWith('a=candidate:'));
  const out: string[] = [];
  for (const line of answer.split(/\r?\n/)) {
    if (line.startsWith('a=ice-ufrag:')) out.push(value('a=ice-ufrag:') ?? line);
    else if (line.startsWith('a=ice-pwd:')) out.push(value('a=ice-pwd:') ?? line);
    else if (candidates.length > 0 && line.startsWith('a=candidate:')) continue;
    else if (candidates.length > 0 && line.startsWith('a=mid:')) out.push(line, ...candidates);
    else out.push(line);
  }
  return out.join('\r\n');
}

/** The part of RTCPeerConnection that is used, so that a test can stand in for it. */
export type Peer = Pick<
  RTCPeerConnection,
  | 'addTransceiver'
  | 'createOffer'
  | 'setLocalDescription'
  | 'setRemoteDescription'
  | 'localDescription'
  | 'connectionState'
  | 'onconnectionstatechange'
  | 'ontrack'
  | 'getStats'
  | 'close'
> &
  Partial<Pick<RTCPeerConnection, 'setConfiguration'>>;

/** One entry of a stats report. The standard's dictionaries are not all in TypeScript's library. */
export type Stat = Readonly<Record<string, unknown>> & { id: string; type: string; timestamp: number };

/** The entries of a report as a list. */
export function entries(report: RTCStatsReport): Stat[] {
  const out: Stat[] = [];
  report.forEach((entry) => out.push(entry as Stat));
  return out;
}

/** A figure of an entry, 0 if the browser does not give it. */
export function figure(stat: Stat | undefined, name: string): number {
  const value = stat?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** The pair of addresses in use. Firefox marks it `selected`, the others name it in the transport. */
export function activePair(stats: Stat[]): Stat | undefined {
  const named = stats.find((stat) => stat.type === 'transport')?.['selectedCandidatePairId'];
  const pairs = stats.filter((stat) => stat.type === 'candidate-pair');
  return (
    pairs.find((pair) => pair.id === named) ??
    pairs.find((pair) => pair['selected'] === true) ??
    pairs.find((pair) => pair['nominated'] === true && pair['state'] === 'succeeded')
  );
}

/** Rates out of counters: remembers the last value of each name. */
export class Rates {
  private last = new Map<string, { value: number; at: number }>();

  /** Growth per second of counter `name` since it was asked last; 0 the first time and after a reset. `at` in ms. */
  perSecond(name: string, value: number, at: number): number {
    const before = this.last.get(name);
    this.last.set(name, { value, at });
    if (!before || at <= before.at || value < before.value) return 0;
    return ((value - before.value) * 1000) / (at - before.at);
  }

  /** Growth of the counter since it was asked last, never negative. */
  growth(name: string, value: number): number {
    const before = this.last.get(name);
    this.last.set(name, { value, at: 0 });
    return before ? Math.max(0, value - before.value) : 0;
  }
}
