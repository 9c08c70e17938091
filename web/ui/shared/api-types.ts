/** The shapes of the JSON API. Positions ending in _ms or _s are on the session timeline, t = 0 when the lecture first went on air. */

export type Role =
  'admin' | 'producer' | 'moderator' | 'presenter' | 'captioner' | 'attendee' | 'panellist' | 'sponsor' | 'auditor';

export interface Person {
  id: string;
  name: string;
  email: string;
  country: string;
  zone: string;
}

export interface RoleGrant {
  role: Role;
  programme: string | null;
  course: string | null;
}

export interface Me {
  person: Person;
  roles: RoleGrant[];
}

export type CourseState = 'scheduled' | 'live' | 'ended' | 'cancelled';

export interface Broadcast {
  id: string;
  state: 'live' | 'ended';
  /** Where the live edge is now. */
  timeline_ms: number;
  presenter: 'connected' | 'gone';
  /** A screen is shown besides the camera. */
  sharing: boolean;
  /** Set once the lecture has ended. */
  length_ms: number | null;
}

/** A recording as its admin sees it. Milliseconds are on the session timeline. */
export interface Recording {
  version: number;
  finished_at: string;
  /** Of what is shown. */
  length_ms: number;
  /** What is taken out, as [from, to). */
  removed: [number, number][];
  edits: Edit[];
  /** The edit list of everything, as the preview plays it. */
  recorded: Edit[];
  /** Where it can be cut, sorted. */
  joints: number[];
  preview: string;
  storyboard: string | null;
  poster: string | null;
  deleted_at: string | null;
  versions: { version: number; made_at: string; by: string; removed_ms: number }[];
  tasks: RecordingTask[];
  retention: { course_days: number | null; programme_days: number | null; until: string | null };
}

export interface RecordingTask {
  kind: 'pictures' | 'ladder' | 'copy' | 'retire' | 'remove';
  state: 'due' | 'working' | 'done' | 'failed';
  done: number;
  total: number;
  due_at: string;
  error: string;
}

/** What a page needs to show the recording of a lecture that has ended. Addresses name the version, so they may be kept. */
export interface RecordingRef {
  /** Counts one up with every cut. */
  version: number;
  hls: string;
  /** WebVTT whose cues are stretches of the session timeline and name a picture, as file.jpg#xywh=x,y,width,height; null until made. */
  storyboard: string | null;
  /** A still picture, JPEG; null until made. */
  poster: string | null;
}

export interface Course {
  id: string;
  programme: { id: string; title: string };
  number: number;
  title: string;
  summary: string;
  /** Derived instant, RFC 3339 UTC. */
  start: string;
  /** What was entered: local date and time in `zone`, "2026-11-22T19:30". */
  local: string;
  zone: string;
  minutes: number;
  /** Without, it can be watched live only and nothing of it is kept. */
  recorded: boolean;
  state: CourseState;
  version?: number;
  broadcast: Broadcast | null;
  /** Null while on air, and when there is no recording. */
  recording: RecordingRef | null;
  presenters: { id: string; name: string }[];
  /** The reader's own roles here. */
  roles: Role[];
  /** Its audience sees it. */
  published: boolean;
  /** Not needed for the programme. */
  elective: boolean;
  cancelled_at: string | null;
  cancel_reason: string;
}

export interface CourseListItem extends Course {
  watched_share: number;
}

export interface Ticket {
  ticket: string;
  socket: string;
}

export interface Layer {
  rid: string;
  kbps: number;
  fps: number;
  width: number;
  height: number;
  loss: number;
}

/** What the server receives from the presenter and does with it. */
export interface Health {
  viewers: number;
  publisher: { connected: boolean; since: string | null; layers: Layer[] | null; audio_kbps: number; policed?: boolean };
  /** `renditions`: qualities of the picture in HLS, as sent, made by the server, one only, sound alone, or not known. */
  recording: { state: string; last_error: string | null; renditions: '' | 'sent' | 'made' | 'one' | 'sound' };
}

/** Half-open [from, to) in whole seconds of the timeline. */
export type SpanS = [number, number];

/** One piece of the recording: `length_ms` from `recording_ms` on show `timeline_ms` and after. */
export interface Edit {
  timeline_ms: number;
  recording_ms: number;
  length_ms: number;
}

export type ResumeReason = 'live_edge' | 'continue' | 'gap' | 'beginning' | 'link';

export interface Resume {
  mode: 'live' | 'replay' | 'none';
  start_ms: number;
  reason: ResumeReason;
  /** During live: where the reader stopped, while it is worth offering. */
  continue_ms: number | null;
  watched: SpanS[] | null;
  watched_s: number;
  countable_s: number;
  share: number;
  gaps: SpanS[] | null;
  edits: Edit[] | null;
  /** Without, there is nothing behind the live edge. */
  recorded: boolean;
  /** The stage: the screen while one is shared, else the camera, and the sound. */
  hls: string;
  /** The camera beside a shared screen, without sound, on the same timeline; edits say when it has pictures. */
  speaker: { hls: string; edits: Edit[] };
  /** Another device on which the reader watches at this moment. */
  elsewhere: { device: string } | null;
}

/** A place of the lecture to jump to. Kind question: it was turned to here. */
export interface Chapter {
  id: string;
  kind: string;
  at_ms: number;
  title: string;
}

export type Provenance = 'live' | 'dvr' | 'replay';

/** What one player has played since its last report. */
export interface Report {
  /** Random per page load; with seq it makes a resent report recognisable. */
  player: string;
  seq: number;
  broadcast: string;
  spans: { from_ms: number; to_ms: number; as: Provenance }[];
  position_ms: number;
  rate: number;
  muted: boolean;
  visible: boolean;
}

/** The server's receipt for a report, sent after it was committed. */
export interface Ack {
  player: string;
  seq: number;
  watched_s: number;
  share: number;
  position_ms: number;
  refused_s: number;
}

/** Attendees see received, shown and next; moderators and presenters see pending to assigned. */
export type QuestionState =
  'received' | 'shown' | 'next' | 'on_air' | 'answered' | 'pending' | 'approved' | 'dismissed' | 'assigned' | 'answered_live';

export interface Question {
  id: string;
  version: number;
  state: QuestionState;
  text: string;
  asked_ms: number;
  asked_at: string;
  asker: { name: string; country: string } | null;
  mine: boolean;
  assignee: { id: string; name: string } | null;
  answered_ms: number | null;
  edited: boolean;
  original_text?: string;
  /** Moderators only: audience and presenters do not see who asked. */
  hide_name?: boolean;
}

export type QuestionAction = 'approve' | 'dismiss' | 'assign' | 'edit' | 'answering' | 'answered' | 'restore';

export interface Analytics {
  course: Course;
  state: 'live' | 'final' | 'none';
  as_of: string;
  totals: {
    enrolled: number;
    attended: number;
    attended_live: number;
    attended_replay: number;
    median_watched_s: number;
    countable_s: number;
    questions: number;
  };
  /** Distinct people per step, each counted once: live before dvr before replay. */
  curve: { step_s: number; live: number[]; dvr: number[]; replay: number[] };
  questions_per_step: number[];
  marks: { at_ms: number; kind: 'answered'; title: string }[];
}

export interface AnalyticsPerson {
  id: string;
  name: string;
  country: string;
  live_s: number;
  dvr_s: number;
  replay_s: number;
  watched_s: number;
  share: number;
  counts: boolean;
  position_ms: number;
  first_at: string | null;
  last_at: string | null;
  watched: SpanS[] | null;
}

export interface AnalyticsPage {
  people: AnalyticsPerson[];
  /** Pass as `after` for the next page; empty or null on the last. */
  next: string | null;
}

export interface ProgrammeListItem {
  id: string;
  title: string;
  zone: string;
  version: number;
  enrolled: number;
  state: ProgrammeState;
  /** For how long recordings are kept of which the course does not say; null until they are deleted. */
  retention_days: number | null;
}

/** A draft is seen by its staff only. */
export type ProgrammeState = 'draft' | 'published' | 'closed';

/** What a programme promises beside its schedule: edited as a draft, frozen when it is published. */
export interface ProgrammeSettings {
  description: string;
  languages: string[];
  courses: CourseSettings[];
}

export interface CourseSettings {
  course: string;
  elective: boolean;
  /** Local times in the course's zone; '' for no bound. */
  opens: string;
  closes: string;
  materials: { id: string; title: string }[];
  credit: { promised: boolean; types: PlannedCredit[] };
}

export interface PlannedCredit {
  name: string;
  maximum: number;
  modality: '' | 'live' | 'enduring' | 'blended';
}

export interface Missing {
  code: 'title' | 'courses' | 'schedule' | 'window' | 'presenter' | 'disclosure' | 'mitigation' | 'exclusion' | 'credit';
  course: string | null;
  person: string | null;
  message: string;
  link: string;
}

export interface Publication {
  state: ProgrammeState;
  /** Of the programme; it comes with the next change. */
  version: number;
  published: number;
  changed: boolean;
  settings: ProgrammeSettings;
  missing: Missing[];
  versions: { number: number; at: string; by: string }[];
}

export type DisclosureState = 'missing' | 'none' | 'open' | 'mitigated' | 'excluded';
export type FacultyRole = 'speaker' | 'chair' | 'planner';

export interface FacultyMember {
  id: string;
  person: { id: string; name: string };
  email: string;
  role: FacultyRole;
  course: string | null;
  invited_at: string;
  state: DisclosureState;
  disclosure: {
    version: number;
    none: boolean;
    ties: { company: string; nature: string }[];
    signed: string;
    signed_at: string;
    mitigation: string;
    mitigated_at: string | null;
    mitigated_by: string;
  } | null;
}

export type Readiness = 'ready' | 'partly' | 'not_ready' | 'unknown';

/** One line of the readiness board. */
export interface Prepared {
  course: { id: string; number: number; title: string };
  start: string;
  person: { id: string; name: string };
  ready: boolean;
  devices: Readiness;
  network: Readiness;
  slides: Readiness;
  disclosure: Readiness;
  rehearsed: Readiness;
}

export interface Rehearsal {
  state: 'none' | 'running' | 'ended';
  started_at: string | null;
  length_ms: number;
  hls: string;
  kept_until: string | null;
}

export interface Batch {
  id: string;
  label: string;
  prefix: string;
  count: number;
  uses: number;
  used: number;
  expires_at: string | null;
  revoked: boolean;
}

export interface Staff {
  /** Of the grant. */
  id: string;
  person: string;
  name: string;
  email: string;
  role: Role;
  course: string | null;
}

export interface Programme extends ProgrammeListItem {
  courses: Course[];
  batches: Batch[];
  staff: Staff[];
}

export interface NewCourse {
  title: string;
  summary: string;
  /** Local date and time, "2026-11-22T19:30". */
  local: string;
  zone: string;
  minutes: number;
  /** Which of the two when the clock shows `local` twice (end of summer time). */
  fold?: 0 | 1;
  /** It is, unless told otherwise. */
  recorded?: boolean;
}

export interface NewBatch {
  label: string;
  count: number;
  uses: number;
  expires_at?: string;
}

export interface NewStaff {
  name: string;
  email: string;
  role: Role;
  course?: string;
}

/** One entry of RTCConfiguration.iceServers. */
export interface IceServer {
  urls: string[];
  username: string;
  credential: string;
}

export type PathState = 'works' | 'fails' | 'absent' | 'skipped';
export type DeviceState = 'works' | 'denied' | 'missing' | 'busy' | 'skipped';

/** What a browser measured in a path test; 0 for what it did not. */
export interface PathFacts {
  udp: PathState;
  tcp: PathState;
  turn: PathState;
  socket: PathState;
  https: PathState;
  rtt_ms: number;
  jitter_ms: number;
  /** 0 to 1. */
  loss: number;
  down_kbps: number;
  up_kbps: number;
  camera: DeviceState;
  microphone: DeviceState;
  speaker: DeviceState;
}

export type PathVerdict = 'ready' | 'usable' | 'not_ready';

export type PathFinding =
  | 'no_https'
  | 'no_media'
  | 'no_microphone'
  | 'slow_up'
  | 'slow_down'
  | 'no_camera'
  | 'no_socket'
  | 'no_udp'
  | 'lossy'
  | 'far'
  | 'tight_up'
  | 'tight_down'
  | 'no_speaker';

/** Something that was done in a programme. */
export interface Deed {
  id: number;
  at: string;
  /** Null for the operator, a bearer token or a job of the system. */
  actor: { id: string; name: string } | null;
  action: string;
  course: { id: string; number: number; title: string } | null;
  object?: string;
  detail?: Record<string, unknown>;
  /** The id that the logs have too. */
  request?: string;
  /** The client's address, as long as it is kept. */
  source?: string;
  /** Part of the chain that shows changes. */
  sealed: boolean;
}

/** A path test and what it means. */
export interface PathTest {
  person: { id: string; name: string };
  course: string;
  taken_at: string;
  /** Judged as somebody who presents. */
  presents: boolean;
  verdict: PathVerdict;
  /** Gravest first. */
  findings: PathFinding[];
  facts: PathFacts;
}

// Where media is fetched

/** Leave to fetch a lecture's media from one host, to be sent on as it is. */
export interface MediaGrant {
  policy: string;
  signature: string;
  key_id: string;
  viewer: string;
}

export interface MediaHost {
  /** Ends in a slash; playlists and segments are below it. */
  base: string;
  /** Where to POST the grant; absent where the answer has set the cookies. */
  access?: string;
  grant?: MediaGrant;
}

// Captions

/** One caption; times are ms of the session timeline. Text and speaker are plain words, with line breaks. */
export interface CaptionCue {
  /** Its number in its version. */
  n: number;
  start_ms: number;
  end_ms: number;
  text: string;
  speaker?: string;
}

export interface CaptionTrack {
  /** BCP 47. */
  language: string;
  version: number;
  source: 'upload' | 'live' | 'speech';
  /** Being written while the lecture is on air. */
  live: boolean;
  cues: number;
}

/** What the socket says of captions: one more live cue, or, with null, that the tracks have changed. */
export interface CaptionMessage {
  language: string;
  version: number;
  cue: CaptionCue | null;
}

// The panel

export type PanelSource = 'camera' | 'microphone' | 'screen';
export type PanelAction = 'promote' | 'put_back' | 'on_air' | 'off_air' | 'mute' | 'unmute' | 'ask_unmute';

/** Somebody who takes part in the lecture. */
export interface PanelPerson {
  /** Empty for a program with a presenter's token. */
  person: string;
  name: string;
  role: 'presenter' | 'moderator' | 'panellist' | 'attendee';
  connected: boolean;
  /** The camera that everybody sees. */
  on_stage: boolean;
  speaking: boolean;
  /** Loudness, 0 to 1. */
  level: number;
  muted: boolean;
  /** To be unmuted. */
  asks: boolean;
  policed: boolean;
  sources: Record<PanelSource, { sends: boolean; on_air: boolean }>;
}

export interface Panel {
  you: string;
  people: PanelPerson[];
  seated: boolean;
}

export interface LineProblem {
  line: number;
  message: string;
}

export interface CaptionVersion {
  version: number;
  source: CaptionTrack['source'];
  cues: number;
  made_at: string;
  made_by: string;
  published: boolean;
}

/** All tracks with all versions, the newest first, and how far speech recognition is. */
export interface CaptionVersions {
  tracks: { language: string; versions: CaptionVersion[] }[];
  /** Speech recognition is set up. */
  recognition: boolean;
  transcription: {
    language: string;
    state: 'queued' | 'running' | 'done' | 'failed';
    percent: number;
    message: string;
    asked_at: string;
    ended_at: string | null;
  } | null;
}

/** A condition for credit: a leaf, or all or any of others. */
export interface CreditRule {
  kind: 'all' | 'any' | 'watched' | 'checks' | 'polls' | 'test' | 'evaluation' | 'disclosure' | 'identity';
  of?: CreditRule[];
  /** Of watched, checks and polls: from 0 to 1. */
  share?: number;
  minutes?: number;
  only?: 'live' | 'enduring';
}

/** A kind of credit that a course gives. Amounts are hundredths. */
export interface CreditType {
  key: string;
  name: string;
  provider: string;
  unit_minutes: number;
  increment: number;
  rounding: 'nearest' | 'down';
  min: number;
  max: number;
  modality: 'live' | 'enduring' | 'blended';
  professions?: string[];
  claim_days?: number;
  statement?: string;
}

export interface CreditRules {
  rule: CreditRule;
  types: CreditType[];
}

export interface CreditSetup {
  /** 0 when there are no rules yet. */
  version: number;
  frozen: boolean;
  required: boolean;
  has_test: boolean;
  rules: CreditRules;
  presets: CreditType[];
  course: { id: string; number: number; title: string; programme: string };
}

export interface CreditPreview {
  people: { person: string; name: string; met: boolean; earned: { key: string; amount: number }[]; missing: string[] }[];
  more: number;
}
