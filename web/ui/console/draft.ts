/**
 * What a moderator has typed over a question and not sent yet. Drafts are kept per question, survive a reload, and are
 * never overwritten by news from the server: when another moderator changes the question meanwhile, both stand side by
 * side until the one who typed decides.
 */
import type { Question } from '../shared/api';

/** Typed text and the version of the question it was typed over. */
export interface Draft {
  readonly text: string;
  readonly over: number;
  /** The question's text when typing began: other changes of the question do not touch the draft. */
  readonly base: string;
}

export type Drafts = Readonly<Record<string, Draft>>;

/** What the middle column shows of a draft. */
export type DraftState = 'clean' | 'typed' | 'conflict';

/** Keeps what was typed; a draft that says what the question says is no draft. */
export function type(drafts: Drafts, question: Question, text: string): Drafts {
  const known = drafts[question.id];
  if (text === question.text) return drop(drafts, question.id);
  const draft = known ? { ...known, text } : { text, over: question.version, base: question.text };
  return { ...drafts, [question.id]: draft };
}

/** Forgets the draft of one question, because it was sent or given up. */
export function drop(drafts: Drafts, id: string): Drafts {
  return Object.fromEntries(Object.entries(drafts).filter(([key]) => key !== id));
}

/** Declares that the draft stands over the question as it is now. */
export function keepMine(drafts: Drafts, question: Question): Drafts {
  const known = drafts[question.id];
  if (!known) return drafts;
  return { ...drafts, [question.id]: { text: known.text, over: question.version, base: question.text } };
}

/** Whether there is a draft, and whether somebody else changed the text under it. */
export function draftState(drafts: Drafts, question: Question): DraftState {
  const draft = drafts[question.id];
  if (!draft || draft.text === question.text) return 'clean';
  return question.version > draft.over && question.text !== draft.base ? 'conflict' : 'typed';
}

/** The text the moderator sees: the draft, else the question. */
export function textOf(drafts: Drafts, question: Question): string {
  return drafts[question.id]?.text ?? question.text;
}

/** Reads drafts as kept by `JSON.stringify`; anything else is no drafts. */
export function parseDrafts(json: string | null): Drafts {
  try {
    const value: unknown = JSON.parse(json ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value as Record<string, unknown>).filter((pair): pair is [string, Draft] => isDraft(pair[1])),
    );
  } catch {
    return {};
  }
}

function isDraft(value: unknown): value is Draft {
  const draft = value as Partial<Draft> | null;
  return typeof draft?.text === 'string' && typeof draft.over === 'number' && typeof draft.base === 'string';
}
