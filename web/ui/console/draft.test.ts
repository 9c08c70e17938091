import { expect, it } from 'vitest';
import type { Question } from '../shared/api';
import { draftState, drop, keepMine, parseDrafts, textOf, type } from './draft';

const question = (text: string, version = 1): Question => ({
  id: 'q1',
  version,
  state: 'pending',
  text,
  asked_ms: 0,
  asked_at: '2026-11-22T14:00:00Z',
  asker: null,
  mine: false,
  assignee: null,
  answered_ms: null,
  edited: false,
});

it('keeps what was typed until it says what the question says', () => {
  const asked = question('How long?');
  let drafts = type({}, asked, 'How long is it?');
  expect(textOf(drafts, asked)).toBe('How long is it?');
  expect(draftState(drafts, asked)).toBe('typed');
  drafts = type(drafts, asked, 'How long?');
  expect(drafts).toEqual({});
  expect(draftState(drafts, asked)).toBe('clean');
});

it('tells a conflict only when the text itself was changed by somebody else', () => {
  const drafts = type({}, question('How long?'), 'How long is it?');
  expect(draftState(drafts, question('How long?', 2))).toBe('typed');
  const changed = question('For how long?', 2);
  expect(draftState(drafts, changed)).toBe('conflict');
  expect(textOf(drafts, changed)).toBe('How long is it?');
  expect(draftState(drafts, question('How long is it?', 2))).toBe('clean');
});

it('lets mine stand over the new text, or drops it', () => {
  const drafts = type({}, question('How long?'), 'How long is it?');
  const changed = question('For how long?', 2);
  expect(draftState(keepMine(drafts, changed), changed)).toBe('typed');
  expect(textOf(drop(drafts, 'q1'), changed)).toBe('For how long?');
  expect(keepMine({}, changed)).toEqual({});
});

it('reads back what it wrote and nothing else', () => {
  const drafts = type({}, question('a'), 'b');
  expect(parseDrafts(JSON.stringify(drafts))).toEqual(drafts);
  expect(parseDrafts(null)).toEqual({});
  expect(parseDrafts('{"q1":3,"q2":{"text":"x"}}')).toEqual({});
  expect(parseDrafts('not json')).toEqual({});
  expect(parseDrafts('null')).toEqual({});
});
