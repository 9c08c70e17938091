/**
 * Captions as plain rules: which cues are shown at a moment, which line a transcript stands at, how it is searched, which track a viewer
 * gets, and what is remembered. Times are ms of the session timeline, so they hold live, rewound and in the replay alike.
 */
import type { CaptionCue, CaptionTrack } from '../shared/api';

export type Size = 's' | 'm' | 'l';
export const sizes: readonly Size[] = ['s', 'm', 'l'];

/** What a viewer chose, for all lectures. */
export interface Preference {
  on: boolean;
  /** BCP 47; empty before anything was chosen. */
  language: string;
  size: Size;
}

export const noPreference: Preference = { on: false, language: '', size: 'm' };

/** No cue lasts longer (lms.MaxCueLength), so none that began earlier can still be shown. */
const longestCue = 600_000;

/** The index of the last cue that has begun at a moment, -1 before the first. Cues are in the order of their beginnings. */
export function begunAt(cues: readonly CaptionCue[], at: number): number {
  let low = 0;
  let high = cues.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cues[middle]!.start_ms <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The cues to show at a moment, oldest first; at most the newest three. */
export function shownAt(cues: readonly CaptionCue[], at: number): CaptionCue[] {
  const shown: CaptionCue[] = [];
  for (let i = begunAt(cues, at); i >= 0 && shown.length < 3 && at - cues[i]!.start_ms < longestCue; i--) {
    if (at < cues[i]!.end_ms) shown.unshift(cues[i]!);
  }
  return shown;
}

/** Adds a live cue in its place; one that is known already changes nothing. */
export function withCue(cues: readonly CaptionCue[], cue: CaptionCue): readonly CaptionCue[] {
  for (let i = cues.length - 1; i >= 0 && i > cues.length - 200; i--) if (cues[i]!.n === cue.n) return cues;
  const at = begunAt(cues, cue.start_ms) + 1;
  return [...cues.slice(0, at), cue, ...cues.slice(at)];
}

/** A text without what a reader does not tell apart when searching, and where each of its letters came from. */
export function fold(text: string): { letters: string; from: number[] } {
  let letters = '';
  const from: number[] = [];
  let at = 0;
  for (const character of text) {
    const plain = character.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
    for (let i = 0; i < plain.length; i++) from.push(at);
    letters += plain;
    at += character.length;
  }
  from.push(at);
  return { letters, from };
}

/** A piece of a line, and whether it matched. */
export interface Piece {
  text: string;
  hit: boolean;
}

/** Cuts a text into what matches a query and what does not. Case, accents and vowel signs do not matter. */
export function pieces(text: string, query: string): Piece[] {
  const wanted = fold(query.trim()).letters;
  if (wanted === '') return [{ text, hit: false }];
  const { letters, from } = fold(text);
  const out: Piece[] = [];
  let done = 0;
  for (let at = letters.indexOf(wanted); at >= 0; at = letters.indexOf(wanted, at + wanted.length)) {
    const begin = from[at]!;
    const end = from[at + wanted.length]!;
    if (begin < done || end <= begin) continue;
    if (begin > done) out.push({ text: text.slice(done, begin), hit: false });
    out.push({ text: text.slice(begin, end), hit: true });
    done = end;
  }
  if (done < text.length || out.length === 0) out.push({ text: text.slice(done), hit: false });
  return out;
}

/** The indexes of the cues in which a query is found. */
export function found(cues: readonly CaptionCue[], query: string): number[] {
  const wanted = fold(query.trim()).letters;
  if (wanted === '') return [];
  const hits: number[] = [];
  cues.forEach((cue, at) => {
    if (fold(`${cue.speaker ?? ''} ${cue.text}`).letters.includes(wanted)) hits.push(at);
  });
  return hits;
}

const primary = (tag: string) => tag.toLowerCase().split('-')[0]!;

/** The track for a viewer: the language chosen before, else one the browser asks for, else a live one, else the first. */
export function trackFor(
  tracks: readonly CaptionTrack[],
  chosen: string,
  browser: readonly string[] = [],
): CaptionTrack | undefined {
  const wishes = [chosen, ...browser].filter(Boolean);
  for (const wish of wishes) {
    const exact = tracks.find((track) => track.language.toLowerCase() === wish.toLowerCase());
    const near = exact ?? tracks.find((track) => primary(track.language) === primary(wish));
    if (near) return near;
  }
  return tracks.find((track) => track.live) ?? tracks[0];
}

const key = 'lectern.captions';

/** What was remembered; nothing readable is nothing chosen. */
export function remembered(storage: Pick<Storage, 'getItem'> | undefined): Preference {
  try {
    const said = JSON.parse(storage?.getItem(key) ?? 'null') as Partial<Preference> | null;
    return {
      on: said?.on === true,
      language: typeof said?.language === 'string' ? said.language : '',
      size: sizes.includes(said?.size as Size) ? (said!.size as Size) : 'm',
    };
  } catch {
    return { ...noPreference };
  }
}

export function remember(storage: Pick<Storage, 'setItem'> | undefined, preference: Preference): void {
  try {
    storage?.setItem(key, JSON.stringify(preference));
  } catch {
    // A full or forbidden storage: it holds for this page.
  }
}
