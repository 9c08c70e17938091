import { describe, expect, it } from 'vitest';
import { languageName } from '../shared/language';
import type { CaptionCue, CaptionTrack } from '../shared/api';
import { begunAt, found, noPreference, pieces, remember, remembered, shownAt, trackFor, withCue } from './captions';

const cue = (n: number, start_ms: number, end_ms: number, text = `line ${n}`): CaptionCue => ({ n, start_ms, end_ms, text });
const cues = [cue(1, 1000, 3000), cue(2, 3000, 6000), cue(3, 5000, 7000), cue(4, 60_000, 61_000)];
const track = (language: string, live = false): CaptionTrack => ({ language, version: 1, source: 'upload', live, cues: 1 });

describe('shownAt', () => {
  const numbers = (at: number) => shownAt(cues, at).map((c) => c.n);
  it('shows a cue from its start to before its end', () => {
    expect(numbers(999)).toEqual([]);
    expect(numbers(1000)).toEqual([1]);
    expect(numbers(2999)).toEqual([1]);
    expect(numbers(3000)).toEqual([2]);
  });
  it('shows cues that overlap together, the oldest first', () => expect(numbers(5500)).toEqual([2, 3]));
  it('shows nothing between cues and after the last', () => {
    expect(numbers(30_000)).toEqual([]);
    expect(numbers(61_000)).toEqual([]);
  });
  it('shows at most three', () => {
    const many = [1, 2, 3, 4, 5].map((n) => cue(n, n, 10_000));
    expect(shownAt(many, 9_000).map((c) => c.n)).toEqual([3, 4, 5]);
  });
});

it('finds the line of a moment', () => {
  expect([0, 1000, 4999, 5000, 1e9].map((at) => begunAt(cues, at))).toEqual([-1, 0, 1, 2, 3]);
});

describe('withCue', () => {
  it('puts a cue in its place', () => expect(withCue(cues, cue(5, 4000, 4500)).map((c) => c.n)).toEqual([1, 2, 5, 3, 4]));
  it('takes a cue once', () => expect(withCue(cues, cue(3, 5000, 7000))).toBe(cues));
  it('begins a list', () => expect(withCue([], cue(1, 0, 1))).toHaveLength(1));
});

describe('search', () => {
  const lines = [cue(1, 0, 1, 'The café opens'), cue(2, 1, 2, 'CAFE and café'), cue(3, 2, 3, 'عَلَى القلب')];
  it('finds whatever the case and accents', () => expect(found(lines, ' cafe ')).toEqual([0, 1]));
  it('finds without vowel signs', () => expect(found(lines, 'على')).toEqual([2]));
  it('finds nothing for nothing', () => expect(found(lines, '  ')).toEqual([]));
  it('marks the letters as they are written', () => {
    expect(pieces('CAFE and café', 'café')).toEqual([
      { text: 'CAFE', hit: true },
      { text: ' and ', hit: false },
      { text: 'café', hit: true },
    ]);
  });
  it('marks decomposed letters with their accents', () => {
    expect(pieces('cafe\u0301!', 'cafe')).toEqual([
      { text: 'cafe\u0301', hit: true },
      { text: '!', hit: false },
    ]);
  });
  it('never loses a letter', () => {
    for (const text of ['', 'ﬁne ﬁsh', '😀 smile 😀', 'İstanbul', 'aaaa'])
      for (const query of ['', 'fi', '😀', 'i', 'aa', 'zzz'])
        expect(
          pieces(text, query)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(text);
  });
});

describe('trackFor', () => {
  const tracks = [track('de'), track('pt-BR'), track('en', true)];
  it('takes what was chosen before', () => expect(trackFor(tracks, 'pt-BR', ['de'])?.language).toBe('pt-BR'));
  it('takes a dialect of it', () => expect(trackFor(tracks, 'pt-PT')?.language).toBe('pt-BR'));
  it('takes what the browser asks for', () => expect(trackFor(tracks, 'fr', ['de-AT'])?.language).toBe('de'));
  it('else the live one', () => expect(trackFor(tracks, 'fr')?.language).toBe('en'));
  it('else the first', () => expect(trackFor([track('de')], '')?.language).toBe('de'));
  it('of none none', () => expect(trackFor([], 'en')).toBeUndefined());
});

describe('what is remembered', () => {
  it('comes back', () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
    expect(remembered(storage)).toEqual(noPreference);
    remember(storage, { on: true, language: 'ar', size: 'l' });
    expect(remembered(storage)).toEqual({ on: true, language: 'ar', size: 'l' });
  });
  it.each(['{', 'null', '7', '{"on":1,"language":3,"size":"xl"}'])('is nothing when it is %s', (text) =>
    expect(remembered({ getItem: () => text })).toEqual(noPreference),
  );
  it('is nothing where the browser forbids it', () => {
    const refuse = () => {
      throw new Error('forbidden');
    };
    expect(remembered({ getItem: refuse })).toEqual(noPreference);
    expect(() => remember({ setItem: refuse }, noPreference)).not.toThrow();
  });
});

it('names languages in their own words', () => {
  expect(languageName('de')).toBe('Deutsch');
  expect(languageName('ar')).toBe('العربية');
  expect(languageName('x!')).toBe('x!');
});
