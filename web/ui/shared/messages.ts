/**
 * The messages of the socket (signaling/PROTOCOL.md), twin of the Go package signaling/protocol. Both read the same samples in
 * their tests.
 */
import type { Ack, CaptionMessage, Question, Report, Role } from './api-types';
import type { BroadcastState } from './timeline';

export const subprotocol = 'lectern.v1';

/** The close codes that mean something to us. */
export const closeCodes = { signedOut: 4002, tooFast: 4003 } as const;

/** The broadcast as it stood when the server's clock showed `server_time` (ms since 1970 UTC). */
export interface BroadcastMessage extends BroadcastState {
  server_time: number;
}

/** How far the events of a room are known; offsets of different epochs cannot be compared. */
export interface Place {
  epoch: string;
  offset: number;
}

export interface Welcome extends Place {
  room: string;
  person: string;
  roles: Role[];
  viewers: number;
  broadcast: BroadcastMessage | null;
  /** What was missed follows as events: nothing need be read again. */
  resumed: boolean;
  server_time: number;
}

/** What happened since the tick before; an offset of 0 leaves the place as it is. */
export interface EventsMessage extends Place {
  events: unknown[];
}

/** The panel has changed. With `person`: what was decided about the reader; what is missing is false. Without: read the panel again. */
export interface PanelMessage {
  person?: string;
  member?: boolean;
  on_air?: boolean;
  muted?: boolean;
}

/** On which of the reader's devices they watch from now on. */
export interface PlayingMessage {
  player: string;
  fence: number;
  device?: string;
}

/** What was wrong with a message of ours; with `player` and `seq` when it was a report. */
export interface ErrorMessage {
  code: string;
  message: string;
  player?: string;
  seq?: number;
}

/** Whether what is on air is being recorded; for moderators and presenters. */
export interface RecordingMessage {
  state: 'recording' | 'failing';
  reason?: 'disk_full' | 'other';
}

export type ServerMessage =
  | { type: 'welcome'; data: Welcome }
  | { type: 'events'; data: EventsMessage }
  | { type: 'resync'; data: object }
  | { type: 'broadcast'; data: BroadcastMessage }
  | { type: 'presence'; data: { viewers: number } }
  | { type: 'recording'; data: RecordingMessage }
  | { type: 'question'; data: { question: Question } }
  | { type: 'caption'; data: CaptionMessage }
  | { type: 'panel'; data: PanelMessage }
  | { type: 'playing'; data: PlayingMessage }
  | { type: 'ack'; data: Ack }
  | { type: 'error'; data: ErrorMessage };

export const helloFrame = (ticket: string, place?: Place): string =>
  JSON.stringify({ type: 'hello', data: { ticket, epoch: place?.epoch, offset: place?.offset } });
export const reportFrame = (report: Report): string => JSON.stringify({ type: 'report', data: report });

/** Reads a frame of the server. Null for what we do not know or cannot use: a newer server may say more than this page knows. */
export function parse(text: unknown): ServerMessage | null {
  if (typeof text !== 'string') return null;
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  return known(frame);
}

/** The same for a frame, or an event within one, that is no text any more. */
export function known(frame: unknown): ServerMessage | null {
  if (!isObject(frame) || !isObject(frame['data'])) return null;
  const { data } = frame;
  const good = usable.get(String(frame['type']));
  return good?.(data) ? (frame as unknown as ServerMessage) : null;
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isCount = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const oneOf = (value: unknown, ...words: string[]) => typeof value === 'string' && words.includes(value);

// A Map, because an object would also find "constructor".
const usable = new Map<string, (data: Fields) => boolean>([
  [
    'welcome',
    (d) =>
      isText(d['room']) &&
      isText(d['person']) &&
      Array.isArray(d['roles']) &&
      isCount(d['viewers']) &&
      isCount(d['server_time']) &&
      (d['broadcast'] === null || (isObject(d['broadcast']) && isBroadcast(d['broadcast']))),
  ],
  ['broadcast', isBroadcast],
  ['events', (d) => isCount(d['offset']) && Array.isArray(d['events']) && d['events'].length > 0],
  ['resync', () => true],
  ['presence', (d) => isCount(d['viewers'])],
  ['recording', (d) => oneOf(d['state'], 'recording', 'failing')],
  ['question', (d) => isObject(d['question']) && isText(d['question']['id']) && isText(d['question']['state'])],
  [
    'caption',
    (d) => isText(d['language']) && isCount(d['version']) && (d['cue'] === null || (isObject(d['cue']) && isCue(d['cue']))),
  ],
  ['panel', (d) => isText(d['person']) || !('member' in d || 'on_air' in d || 'muted' in d)],
  ['playing', (d) => isText(d['player']) && isCount(d['fence']) && d['fence'] !== 0],
  ['ack', (d) => isText(d['player']) && isCount(d['seq']) && isCount(d['watched_s'])],
  ['error', (d) => isText(d['code'])],
]);

function isBroadcast(d: Fields): boolean {
  return (
    isText(d['id']) &&
    oneOf(d['state'], 'live', 'ended') &&
    oneOf(d['presenter'], 'connected', 'gone') &&
    isCount(d['timeline_ms']) &&
    isCount(d['server_time'])
  );
}

function isCue(d: Fields): boolean {
  return isCount(d['n']) && isCount(d['start_ms']) && isCount(d['end_ms']) && isText(d['text']);
}
