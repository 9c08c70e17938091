/**
 * The part of the JSON API by which programmes are set up: for the pages of admins and presenters, so that attendees do
 * not load it.
 */
import { call, id } from './api';
import type {
  Analytics,
  AnalyticsPage,
  PathTest,
  CaptionMessage,
  CaptionVersions,
  Batch,
  Course,
  CreditPreview,
  CreditRules,
  CreditSetup,
  Deed,
  NewBatch,
  NewCourse,
  NewStaff,
  Programme,
  ProgrammeListItem,
  Recording,
  FacultyMember,
  FacultyRole,
  Prepared,
  ProgrammeSettings,
  Publication,
  Rehearsal,
} from './api-types';

export * from './api';

/** Deeds in a programme, newest first: those that hold all the words, after the one with the id `before`. */
export const audit = (programmeID: string, words = '', before?: number) =>
  call<{ deeds: Deed[]; more: boolean }>(
    'GET',
    `/api/programmes/${id(programmeID)}/audit?q=${encodeURIComponent(words)}${before === undefined ? '' : `&before=${before}`}`,
  );

// Credit

export const creditSetup = (courseID: string) => call<CreditSetup>('GET', `/api/courses/${id(courseID)}/credit`);
export const saveCreditSetup = (courseID: string, change: { version: number; required: boolean; rules: CreditRules }) =>
  call<{ version: number }>('PUT', `/api/courses/${id(courseID)}/credit`, change);
/** Who would earn what now by these rules, which need not be saved. */
export const previewCredit = (courseID: string, rules: CreditRules) =>
  call<CreditPreview>('POST', `/api/courses/${id(courseID)}/credit/preview`, { rules });

// Programmes

export const programmes = async () => (await call<{ programmes: ProgrammeListItem[] }>('GET', '/api/programmes')).programmes;
export const programme = (programmeID: string) => call<Programme>('GET', `/api/programmes/${id(programmeID)}`);
export const createProgramme = (values: { title: string; zone: string }) => call<Programme>('POST', '/api/programmes', values);
export const updateProgramme = (programmeID: string, change: { version: number; title?: string; zone?: string }) =>
  call<Programme>('PATCH', `/api/programmes/${id(programmeID)}`, change);
/** For how long recordings are kept of which the course does not say; null keeps them until they are deleted. */
export const keepRecordings = (programmeID: string, days: number | null) =>
  call<undefined>('PUT', `/api/programmes/${id(programmeID)}/retention`, { days });
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
export const openLiveCaptions = (courseID: string, language: string) =>
  call<{ language: string; version: number }>('POST', `${captionPath(courseID, language)}/live`);
export const writeCaption = (courseID: string, language: string, text: string, speaker: string) =>
  call<CaptionMessage>('POST', `${captionPath(courseID, language)}/lines`, { text, speaker });
/** Has the recording transcribed; `und` lets the program find out the language. */
export const askTranscription = (courseID: string, language: string) =>
  call<undefined>('POST', `/api/courses/${id(courseID)}/transcription`, { language });
export const cancelTranscription = (courseID: string) => call<undefined>('DELETE', `/api/courses/${id(courseID)}/transcription`);

// Schedules, path tests, analytics

export const updateCourse = (courseID: string, change: Partial<NewCourse> & { version: number }) =>
  call<Course>('PATCH', `/api/courses/${id(courseID)}`, change);
/** The newest test of each person and course, those of presenters first. */
export const pathTests = async (programmeID: string) =>
  (await call<{ tests: PathTest[] }>('GET', `/api/programmes/${id(programmeID)}/path-tests`)).tests;
export const analytics = (courseID: string) => call<Analytics>('GET', `/api/courses/${id(courseID)}/analytics`);
export const analyticsPeople = (courseID: string, after = '', limit = 50) =>
  call<AnalyticsPage>('GET', `/api/courses/${id(courseID)}/analytics/people?after=${id(after)}&limit=${limit}`);
export const analyticsCSV = (courseID: string) => `/api/courses/${id(courseID)}/analytics.csv`;
