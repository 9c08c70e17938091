import { expect, it } from 'vitest';
import { compareWords } from './diff';

it('finds removed and added words', () => {
  expect(compareWords('Is 8 weeks really better than 4?', 'Is 8 weeks much better than 4?')).toEqual([
    { kind: 'same', text: 'Is 8 weeks' },
    { kind: 'removed', text: 'really' },
    { kind: 'added', text: 'much' },
    { kind: 'same', text: 'better than 4?' },
  ]);
});

it('finds nothing in equal texts, whatever their spaces', () => {
  expect(compareWords('two  words', 'two words ')).toEqual([{ kind: 'same', text: 'two words' }]);
});

it('copes with an empty side', () => {
  expect(compareWords('', 'new')).toEqual([{ kind: 'added', text: 'new' }]);
  expect(compareWords('old', '')).toEqual([{ kind: 'removed', text: 'old' }]);
  expect(compareWords('', '')).toEqual([]);
});

it('gives up on very long texts by showing both whole', () => {
  const long = 'word '.repeat(500);
  expect(compareWords(long, 'short')).toHaveLength(2);
});
