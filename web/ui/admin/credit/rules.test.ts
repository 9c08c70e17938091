import { expect, test } from 'vitest';
import { isPlain, toggled, watching } from './rules';

test('leaves are switched on in their order, and off again', () => {
  const none = { kind: 'all' as const, of: [] };
  const some = toggled(toggled(none, 'evaluation'), 'watched');
  expect(some.of).toEqual([{ kind: 'watched', share: 0.9 }, { kind: 'evaluation' }]);
  expect(toggled(some, 'watched').of).toEqual([{ kind: 'evaluation' }]);
  expect(watching(some, 80.4).of?.[0]?.share).toBe(0.8);
  expect(watching(some, 0).of?.[0]?.share).toBe(0.01);
});

test('a nested tree is not the page’s to change', () => {
  expect(isPlain({ kind: 'all', of: [{ kind: 'watched', share: 0.9 }, { kind: 'test' }] })).toBe(true);
  expect(isPlain({ kind: 'any', of: [{ kind: 'test' }] })).toBe(false);
  expect(isPlain({ kind: 'all', of: [{ kind: 'any', of: [{ kind: 'test' }] }] })).toBe(false);
  expect(isPlain({ kind: 'all', of: [{ kind: 'watched', minutes: 30 }] })).toBe(false);
});
