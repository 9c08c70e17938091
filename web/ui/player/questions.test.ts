import { describe, expect, it } from 'vitest';
import type { Question, QuestionState } from '../shared/api';
import { inOrder, merge, stepOf } from './questions.svelte';

const question = (id: string, state: QuestionState, change: Partial<Question> = {}): Question => ({
  id,
  version: 1,
  state,
  text: id,
  asked_ms: 0,
  asked_at: '2026-11-22T14:00:00Z',
  asker: null,
  mine: false,
  assignee: null,
  answered_ms: null,
  edited: false,
  ...change,
});

describe('questions', () => {
  it('never shows a dismissal', () => {
    expect(stepOf(question('a', 'received'))).toBe('received');
    expect(stepOf(question('a', 'dismissed'))).toBe('received');
  });

  it('puts the one being answered first and answered ones last', () => {
    const list = [
      question('answered', 'answered', { answered_ms: 5 }),
      question('old', 'shown', { asked_at: '2026-11-22T13:00:00Z' }),
      question('new', 'shown'),
      question('next', 'next'),
      question('now', 'on_air'),
    ];
    expect(inOrder(list).map((item) => item.id)).toEqual(['now', 'next', 'new', 'old', 'answered']);
  });

  it('takes newer versions only, and remembers what is mine', () => {
    const known = [question('a', 'next', { version: 3, mine: true })];
    expect(merge(known, question('a', 'shown', { version: 2 }))[0]!.state).toBe('next');
    expect(merge(known, question('a', 'on_air', { version: 4 }))[0]).toMatchObject({ state: 'on_air', mine: true });
    expect(merge(known, question('b', 'shown'))).toHaveLength(2);
  });
});
