import { describe, expect, it } from 'vitest';
import type { Catalogue, Text, Translation } from './index';

/** Keys that stay English: staff read them. */
const staffs = /^(manage|writer)\./;

const pages: Record<string, () => Promise<{ default: Translation }>> = {
  'hi player': () => import('../../player/hi'),
  'ar player': () => import('../../player/ar'),
  'hi test': () => import('../../test/hi'),
  'ar test': () => import('../../test/ar'),
};

const forms = (text: Text): Readonly<Record<string, string>> => (typeof text === 'string' ? { other: text } : text);
const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

function complaints(language: string, english: Catalogue, other: Catalogue): string[] {
  const found: string[] = [];
  const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories.slice().sort();
  for (const [key, text] of Object.entries(english)) {
    const theirs = other[key];
    if (theirs === undefined) {
      if (!staffs.test(key)) found.push(`${key} is missing`);
      continue;
    }
    if ((typeof text === 'string') !== (typeof theirs === 'string')) found.push(`${key}: one of the two has plural forms`);
    else if (typeof text !== 'string' && Object.keys(theirs).sort().join() !== wanted.join())
      found.push(`${key} has the forms ${Object.keys(theirs)}, want ${wanted}`);
    if (places(forms(theirs)['other']!).join() !== places(forms(text)['other']!).join()) found.push(`${key}: other places`);
    for (const form of Object.values(forms(theirs))) {
      const known = places(forms(text)['other']!);
      if (!places(form).every((place) => known.includes(place))) found.push(`${key}: unknown place in “${form}”`);
    }
  }
  for (const key of Object.keys(other)) if (!(key in english)) found.push(`English has no ${key}`);
  return found;
}

describe('catalogues', () => {
  it.each(Object.keys(pages))('%s: every text, with its places and the plural forms of the language', async (name) => {
    const { default: translation } = await pages[name]!();
    expect(translation.length).toBeGreaterThan(1);
    for (const [english, other] of translation) expect(complaints(name.slice(0, 2), english, other)).toEqual([]);
  });

  it('finds what is missing, and other places and forms', () => {
    const english = { a: 'A {x}', b: { one: '{count} b', other: '{count} bs' } };
    expect(complaints('ar', english, { a: 'A {y}', b: { one: 'b', other: '{count} b' }, c: 'C' })).toEqual([
      'a: other places',
      'a: unknown place in “A {y}”',
      'b has the forms one,other, want few,many,one,other,two,zero',
      'English has no c',
    ]);
  });
});
