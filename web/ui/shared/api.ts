/**
 * The JSON API, one function per call. Every call sends the session cookie, gives up after 15 s and fails with a Problem,
 * whose message can be shown to the reader as it is.
 */
import { shared } from './i18n/en/shared';
import { translator } from './i18n';
import type {
  Ack,
  Analytics,
  AnalyticsPage,
  Batch,
  CaptionCue,
  CaptionMessage,
  CaptionTrack,
  CaptionVersions,
  Chapter,
  Course,
  CourseListItem,
  CreditPreview,
  CreditRules,
  CreditSetup,
  Deed,
  Health,
  IceServer,
  LineProblem,
  Me,
  MediaHost,
  NewBatch,
  NewCourse,
  NewStaff,
  Panel,
  PanelAction,
  PanelPerson,
  PanelSource,
  PathFacts,
  PathTest,
  Programme,
  ProgrammeListItem,
  Question,
  QuestionAction,
  Recording,
  Report,
  Resume,
  Ticket,
  FacultyMember,
  FacultyRole,
  Prepared,
  ProgrammeSettings,
  Publication,
  Rehearsal,
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

async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
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

const id = encodeURIComponent;

// People

export const me = () => call<Me>('GET', '/api/me');

// Courses

export const courses = async () => (await call<{ courses: CourseListItem[] }>('GET', '/api/courses')).courses;
export const course = (courseID: string) => call<Course>('GET', `/api/courses/${id(courseID)}`);
export const updateCourse = (courseID: string, change: Partial<NewCourse> & { version: number }) =>
  call<Course>('PATCH', `/api/courses/${id(courseID)}`, change);
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
/** The newest test of each person and course, those of presenters first. */
export const pathTests = async (programmeID: string) =>
  (await call<{ tests: PathTest[] }>('GET', `/api/programmes/${id(programmeID)}/path-tests`)).tests;

/** Where the lecture's HLS is fetched, in order of preference; no hosts: from this server, by the session. */
export const mediaAccess = (courseID: string) =>
  call<{ hosts: MediaHost[]; expires_s: number; renew_s: number }>('POST', `/api/courses/${id(courseID)}/access`);
export const chapters = async (courseID: string) =>
  (await call<{ chapters: Chapter[] }>('GET', `/api/courses/${id(courseID)}/chapters`)).chapters;
/** Deeds in a programme, newest first: those that hold all the words, after the one with the id `before`. */
export const audit = (programmeID: string, words = '', before?: number) =>
  call<{ deeds: Deed[]; more: boolean }>(
    'GET',
    `/api/programmes/${id(programmeID)}/audit?q=${encodeURIComponent(words)}${before === undefined ? '' : `&before=${before}`}`,
  );

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

// Analytics

export const creditSetup = (courseID: string) => call<CreditSetup>('GET', `/api/courses/${id(courseID)}/credit`);
export const saveCreditSetup = (courseID: string, change: { version: number; required: boolean; rules: CreditRules }) =>
  call<{ version: number }>('PUT', `/api/courses/${id(courseID)}/credit`, change);
/** Who would earn what now by these rules, which need not be saved. */
export const previewCredit = (courseID: string, rules: CreditRules) =>
  call<CreditPreview>('POST', `/api/courses/${id(courseID)}/credit/preview`, { rules });

export const analytics = (courseID: string) => call<Analytics>('GET', `/api/courses/${id(courseID)}/analytics`);
export const analyticsPeople = (courseID: string, after = '', limit = 50) =>
  call<AnalyticsPage>('GET', `/api/courses/${id(courseID)}/analytics/people?after=${id(after)}&limit=${limit}`);
export const analyticsCSV = (courseID: string) => `/api/courses/${id(courseID)}/analytics.csv`;

// Programmes

export const programmes = async () => (await call<{ programmes: ProgrammeListItem[] }>('GET', '/api/programmes')).programmes;
export const programme = (programmeID: string) => call<Programme>('GET', `/api/programmes/${id(programmeID)}`);
export const createProgramme = (values: { title: string; zone: string }) => call<Programme>('POST', '/api/programmes', values);
export const updateProgramme = (programmeID: string, change: { version: number; title?: string; zone?: string }) =>
  call<Programme>('PATCH', `/api/programmes/${id(programmeID)}`, change);
/** For how long recordings are kept of which the course does not say; null keeps them until they are deleted. */
export const keepRecordings = (programmeID: string, days: number | null) =>
  call<void>('PUT', `/api/programmes/${id(programmeID)}/retention`, { days });
export const addCourse = (programmeID: string, values: NewCourse) =>
  call<Course>('POST', `/api/programmes/${id(programmeID)}/courses`, values);
/** New access codes. They are in the answer and never again. */
export const createCodes = (programmeID: string, values: NewBatch) =>
  call<{ batch: Batch; codes: string[] }>('POST', `/api/programmes/${id(programmeID)}/codes`, values);
export const revokeCodes = (programmeID: string, batchID: string) =>
  call<undefined>('DELETE', `/api/programmes/${id(programmeID)}/codes/${id(batchID)}`);
/** Invites staff; the answer holds the personal link. */
export const addStaff = (programmeID: string, values: NewStaff) =>
  call<{ link: string }>('POST', `/api/programmes/${id(programmeID)}/staff`, values);

/** Gives somebody another role or other courses. Fails with 409 for the last admin. */
export const changeStaff = (programmeID: string, grantID: string, values: { role: string; course?: string }) =>
  call<undefined>('PATCH', `/api/programmes/${id(programmeID)}/staff/${id(grantID)}`, values);
export const removeStaff = (programmeID: string, grantID: string) =>
  call<undefined>('DELETE', `/api/programmes/${id(programmeID)}/staff/${id(grantID)}`);

// Drafts and versions, faculty, preparations

const programmePath = (programmeID: string) => `/api/programmes/${id(programmeID)}`;
export const publication = (programmeID: string) => call<Publication>('GET', `${programmePath(programmeID)}/publication`);
/** Publishes the draft. A 409 says what is missing, or that somebody else has changed it meanwhile. */
export const publish = (programmeID: string, version: number) =>
  call<Publication>('POST', `${programmePath(programmeID)}/publication`, { version });
export const saveDraft = (programmeID: string, version: number, settings: ProgrammeSettings) =>
  call<Publication>('PUT', `${programmePath(programmeID)}/draft`, { version, settings });
export const closeProgramme = (programmeID: string) => call<Publication>('POST', `${programmePath(programmeID)}/closing`);
export const reopenProgramme = (programmeID: string) => call<Publication>('DELETE', `${programmePath(programmeID)}/closing`);
export const copyProgramme = (programmeID: string, values: { title: string; first: string }) =>
  call<Programme>('POST', `${programmePath(programmeID)}/copy`, values);
export const cancelCourse = (courseID: string, reason: string) =>
  call<Course>('POST', `/api/courses/${id(courseID)}/cancellation`, { reason });
export const restoreCourse = (courseID: string) => call<Course>('DELETE', `/api/courses/${id(courseID)}/cancellation`);
export const faculty = async (programmeID: string) =>
  (await call<{ faculty: FacultyMember[] }>('GET', `${programmePath(programmeID)}/faculty`)).faculty;
export const addFaculty = (programmeID: string, values: { name: string; email: string; role: FacultyRole; course?: string }) =>
  call<{ link: string }>('POST', `${programmePath(programmeID)}/faculty`, values);
export const removeFaculty = (programmeID: string, member: string) =>
  call<undefined>('DELETE', `${programmePath(programmeID)}/faculty/${id(member)}`);
export const mitigate = (programmeID: string, person: string, version: number, how: string) =>
  call<unknown>('PUT', `${programmePath(programmeID)}/disclosures/${id(person)}/mitigation`, { version, how });
export const takeMitigationBack = (programmeID: string, person: string, version: number) =>
  call<unknown>('DELETE', `${programmePath(programmeID)}/disclosures/${id(person)}/mitigation`, { version });
export const preparations = async (programmeID: string) =>
  (await call<{ presenters: Prepared[] }>('GET', `${programmePath(programmeID)}/preparations`)).presenters;
export const rehearsal = (courseID: string) => call<Rehearsal>('GET', `/api/courses/${id(courseID)}/rehearsal`);
export const startRehearsal = (courseID: string) => call<Rehearsal>('POST', `/api/courses/${id(courseID)}/rehearsal`);
export const endRehearsal = (courseID: string) => call<Rehearsal>('POST', `/api/courses/${id(courseID)}/rehearsal/end`);
export const deleteRehearsals = (courseID: string) => call<Rehearsal>('DELETE', `/api/courses/${id(courseID)}/rehearsal`);

// Recordings

export const recording = (courseID: string) => call<Recording>('GET', `/api/courses/${id(courseID)}/recording`);
/** Takes stretches out; what is not named is shown. Fails with 409 when another version is shown by now. */
export const cutRecording = (courseID: string, version: number, removed: readonly (readonly [number, number])[]) =>
  call<Recording>('PUT', `/api/courses/${id(courseID)}/recording/cut`, { version, removed });
/** For how many days after the lecture it is kept; null goes by the programme. */
export const keepRecording = (courseID: string, days: number | null) =>
  call<Recording>('PUT', `/api/courses/${id(courseID)}/recording/retention`, { days });
/** Deletes it for good; `confirm` is the title of the course. */
export const deleteRecording = (courseID: string, confirm: string) =>
  call<Recording>('DELETE', `/api/courses/${id(courseID)}/recording`, { confirm });

// Captions

/** The published tracks, and whether this reader may have them as files. */
export const captions = (courseID: string) =>
  call<{ tracks: CaptionTrack[]; download: boolean }>('GET', `/api/courses/${id(courseID)}/captions`);
export const captionCues = (courseID: string, language: string) =>
  call<{ language: string; version: number; cues: CaptionCue[] }>('GET', `/api/courses/${id(courseID)}/captions/${id(language)}`);

const captionPath = (courseID: string, language: string) => `/api/courses/${id(courseID)}/captions/${id(language)}`;

/** A WebVTT or SubRip file, published at once. A 422 says in `Problem.lines` what is wrong with it. */
export const saveCaptions = (courseID: string, language: string, file: Blob, times: 'timeline' | 'recording') =>
  call<{ language: string; version: number; cues: number }>('PUT', `${captionPath(courseID, language)}?times=${times}`, file);
/** Shows another version; 0 shows none. */
export const publishCaptions = (courseID: string, language: string, version: number) =>
  call<undefined>('POST', `${captionPath(courseID, language)}/publish`, { version });
export const deleteCaptions = (courseID: string, language: string) => call<undefined>('DELETE', captionPath(courseID, language));
export const captionVersions = (courseID: string) =>
  call<CaptionVersions>('GET', `/api/courses/${id(courseID)}/caption-versions`);
/** Where a version is as a file. */
export const transcriptAddress = (courseID: string, language: string, version: number, format: 'vtt' | 'txt') =>
  `${captionPath(courseID, language)}/transcript.${format}?version=${version}`;
export const openLiveCaptions = (courseID: string, language: string) =>
  call<{ language: string; version: number }>('POST', `${captionPath(courseID, language)}/live`);
export const writeCaption = (courseID: string, language: string, text: string, speaker: string) =>
  call<CaptionMessage>('POST', `${captionPath(courseID, language)}/lines`, { text, speaker });
/** Has the recording transcribed; `und` lets the program find out the language. */
export const askTranscription = (courseID: string, language: string) =>
  call<undefined>('POST', `/api/courses/${id(courseID)}/transcription`, { language });
export const cancelTranscription = (courseID: string) => call<undefined>('DELETE', `/api/courses/${id(courseID)}/transcription`);
