/**
 * The words of the pages. Each page has a catalogue in a file of its own (en/<page>.ts), so that it ships only its own words:
 *
 *   const t = translator(shared, studio);
 *   t('on_air.watching', { count: 12 })   // "12 watching"
 *
 * A text may hold {name} places. A text that depends on a number is an object of plural forms, chosen by `count`.
 */

/** One text: a sentence, or its plural forms by CLDR category. */
export type Text =
  | string
  | { readonly one?: string; readonly two?: string; readonly few?: string; readonly many?: string; readonly other: string };

/** Texts by key. */
export type Catalogue = Readonly<Record<string, Text>>;

/** What stands in the {places} of a text. Numbers are written the way the language writes them. */
export type Values = Readonly<Record<string, string | number>>;

/** The language of the words, as it stands on <html lang>. English is the only catalogue today. */
export const language = 'en';

const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);

/** Joins catalogues into one function that gives a text by its key; a later catalogue wins over an earlier one. */
export function translator<A extends Catalogue, B extends Catalogue = Record<never, Text>>(first: A, second?: B) {
  const all: Catalogue = { ...first, ...second };
  return function t(key: (keyof A | keyof B) & string, values: Values = {}): string {
    const text = all[key];
    if (text === undefined) return key;
    return fill(typeof text === 'string' ? text : choose(text, values), values);
  };
}

function choose(text: Exclude<Text, string>, values: Values): string {
  const count = values['count'];
  const form = typeof count === 'number' ? plural.select(count) : 'other';
  return text[form as keyof typeof text] ?? text.other;
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) return place;
    return typeof value === 'number' ? number.format(value) : value;
  });
}
