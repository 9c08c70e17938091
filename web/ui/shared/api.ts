/**
 * The JSON API, one function per call. Every call sends the session cookie, gives up after 15 s and fails with a Problem,
 * whose message can be shown to the reader as it is.
 */
import { shared } from './i18n/en/shared';
import { translator } from './i18n';
import type {
  Ack,
  CaptionCue,
  CaptionTrack,
  Chapter,
  Course,
  CourseListItem,
  Health,
  IceServer,
  LineProblem,
  Me,
  MediaHost,
  Panel,
  PanelAction,
  PanelPerson,
  PanelSource,
  PathFacts,
  PathTest,
  Question,
  QuestionAction,
  Report,
  Resume,
  Ticket,
} from './api-types';

export type * from './api-types';

const t = translator(shared);

/** Longest wait for an answer, in ms. */
const patience = 15_000;

/** Why a call failed. `status` is 0 when no answer came. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  /** Machine word of the reason: network, timeout, conflict, invalid, ... */
  readonly code: string;
  /** The field of the request that is to blame, if one is. */
  readonly field: string | undefined;
  /** On 429 and 503: seconds to wait before trying again. */
  readonly retryAfter: number | undefined;
  /** On a question's 409: the question as it is now. */
  readonly current: Question | undefined;
  /** On a file's 422: what is wrong, line by line, and how much more there is. */
  readonly lines: readonly LineProblem[];
  readonly moreLines: number;

  constructor(
    status: number,
    code: string,
    message: string,
    more: {
      field?: string;
      retryAfter?: number;
      current?: Question;
      lines?: readonly LineProblem[];
      moreLines?: number;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = more.field;
    this.retryAfter = more.retryAfter;
    this.current = more.current;
    this.lines = more.lines ?? [];
    this.moreLines = more.moreLines ?? 0;
  }
}

/** The message of whatever was thrown, fit for the reader. */
export function messageOf(error: unknown): string {
  return error instanceof Problem ? error.message : t('error.server');
}

/** Whether the call failed because nobody is signed in. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof Problem && error.status === 401;
}

/** The address of the sign-in page which leads back to this page. */
export function signInAddress(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  try {
    const init: RequestInit = {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: abort.signal,
      headers: { Accept: 'application/json' },
    };
    if (body instanceof Blob) {
      init.headers = { Accept: 'application/json', 'Content-Type': body.type || 'text/plain' };
      init.body = body;
    } else if (body !== undefined) {
      init.headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
      init.body = JSON.stringify(body);
    }
    const response = await fetch(path, init);
    if (!response.ok) throw await problemOf(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (abort.signal.aborted) throw new Problem(0, 'timeout', t('error.timeout'));
    throw new Problem(0, 'network', t('error.network'));
  } finally {
    clearTimeout(timer);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  let said: {
    error?: { code?: string; message?: string; field?: string };
    current?: Question;
    lines?: LineProblem[];
    more?: number;
  } = {};
  try {
    said = (await response.json()) as typeof said;
  } catch {
    // A proxy's page, or nothing at all: the status has to do.
  }
  const seconds = Number(response.headers.get('Retry-After'));
  return new Problem(
    response.status,
    said.error?.code ?? `http_${response.status}`,
    said.error?.message || wordsFor(response.status),
    {
      ...(said.error?.field ? { field: said.error.field } : {}),
      ...(seconds > 0 ? { retryAfter: seconds } : {}),
      ...(said.current ? { current: said.current } : {}),
      ...(said.lines ? { lines: said.lines, moreLines: said.more ?? 0 } : {}),
    },
  );
}

function wordsFor(status: number): string {
  switch (status) {
    case 401:
      return t('error.signed_out');
    case 403:
      return t('error.forbidden');
    case 404:
      return t('error.not_found');
    case 409:
      return t('error.conflict');
    case 429:
      return t('error.too_many');
    default:
      return t('error.server');
  }
}

export const id = encodeURIComponent;

// People

export const me = () => call<Me>('GET', '/api/me');

// Courses

export const courses = async () => (await call<{ courses: CourseListItem[] }>('GET', '/api/courses')).courses;
export const course = (courseID: string) => call<Course>('GET', `/api/courses/${id(courseID)}`);
/** A ticket for the socket: one use, 30 s. */
export const ticket = (courseID: string) => call<Ticket>('POST', `/api/courses/${id(courseID)}/ticket`);
export const goOnAir = (courseID: string) => call<Course>('POST', `/api/courses/${id(courseID)}/air`);
export const endLecture = (courseID: string) => call<Course>('POST', `/api/courses/${id(courseID)}/end`);
export const health = (courseID: string) => call<Health>('GET', `/api/courses/${id(courseID)}/health`);

// Watching

/** Where to start, what was watched, and where the recording is. `seconds` is an explicit ?t= of the page's link. */
export const resume = (courseID: string, seconds?: number) =>
  call<Resume>('GET', `/api/courses/${id(courseID)}/resume${seconds === undefined ? '' : `?t=${seconds}`}`);
/** This page plays from now on, and no other device of the reader. */
export const startPlaying = (courseID: string, player: string) =>
  call<{ bound: boolean; fence: number }>('POST', `/api/courses/${id(courseID)}/playing`, { player });
export const sendReports = async (courseID: string, reports: Report[]) =>
  (await call<{ acks: Ack[] }>('POST', `/api/courses/${id(courseID)}/reports`, { reports })).acks;
/** Hands reports to the browser, which sends them even when the page is gone. False when it refuses. */
export function beaconReports(courseID: string, reports: Report[]): boolean {
  if (typeof navigator.sendBeacon !== 'function') return false;
  return navigator.sendBeacon(`/api/courses/${id(courseID)}/reports`, JSON.stringify({ reports }));
}

// Trying everything before the day

/** What RTCPeerConnection needs to reach the server where UDP is blocked. */
export const iceServers = (courseID: string) =>
  call<{ ice_servers: IceServer[]; ttl_s: number }>('GET', `/api/courses/${id(courseID)}/ice`);
export const pathProbeAddress = (courseID: string) => `/api/courses/${id(courseID)}/path-probe`;
export const pathBlobAddress = (courseID: string) => `/api/courses/${id(courseID)}/path-blob`;
/** Keeps what was measured; the answer says what it means. */
export const savePathTest = (courseID: string, facts: PathFacts) =>
  call<PathTest>('POST', `/api/courses/${id(courseID)}/path-tests`, facts);

/** Where the lecture's HLS is fetched, in order of preference; no hosts: from this server, by the session. */
export const mediaAccess = (courseID: string) =>
  call<{ hosts: MediaHost[]; expires_s: number; renew_s: number }>('POST', `/api/courses/${id(courseID)}/access`);
export const chapters = async (courseID: string) =>
  (await call<{ chapters: Chapter[] }>('GET', `/api/courses/${id(courseID)}/chapters`)).chapters;
// The panel

export const panel = (courseID: string) => call<Panel>('GET', `/api/courses/${id(courseID)}/panel`);
/** Attendees connected now who may be asked in. */
export const panelCandidates = async (courseID: string, name: string) =>
  (
    await call<{ people: { person: string; name: string }[] }>(
      'GET',
      `/api/courses/${id(courseID)}/panel/candidates?name=${id(name)}`,
    )
  ).people;
/** Does something with somebody of the panel, or with "me"; without a source with all that they send. */
export const panelAct = (courseID: string, person: string, action: PanelAction, source?: PanelSource) =>
  call<PanelPerson>('POST', `/api/courses/${id(courseID)}/panel/${id(person)}/${action}`, source ? { source } : {});

// Questions

export const questions = async (courseID: string) =>
  (await call<{ questions: Question[] }>('GET', `/api/courses/${id(courseID)}/questions`)).questions;
export const ask = (courseID: string, text: string, hideName: boolean) =>
  call<Question>('POST', `/api/courses/${id(courseID)}/questions`, { text, hide_name: hideName });
/** Changes a question. A 409 carries the question as it is now in `Problem.current`. */
export const moderate = (
  courseID: string,
  questionID: string,
  action: QuestionAction,
  body: { version: number; assignee?: string; text?: string },
) => call<Question>('POST', `/api/courses/${id(courseID)}/questions/${id(questionID)}/${action}`, body);

// Captions

/** The published tracks, and whether this reader may have them as files. */
export const captions = (courseID: string) =>
  call<{ tracks: CaptionTrack[]; download: boolean }>('GET', `/api/courses/${id(courseID)}/captions`);
export const captionCues = (courseID: string, language: string) =>
  call<{ language: string; version: number; cues: CaptionCue[] }>('GET', `/api/courses/${id(courseID)}/captions/${id(language)}`);

/** Where a version is as a file. */
export const transcriptAddress = (courseID: string, language: string, version: number, format: 'vtt' | 'txt') =>
  `/api/courses/${id(courseID)}/captions/${id(language)}/transcript.${format}?version=${version}`;
