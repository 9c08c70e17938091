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
  | {
      readonly zero?: string;
      readonly one?: string;
      readonly two?: string;
      readonly few?: string;
      readonly many?: string;
      readonly other: string;
    };

/** Texts by key. */
export type Catalogue = Readonly<Record<string, Text>>;

/** What stands in the {places} of a text. Numbers are written the way the language writes them. */
export type Values = Readonly<Record<string, string | number>>;

/** The catalogues of a page in another language, each beside the English one whose texts it replaces. */
export type Translation = readonly (readonly [english: Catalogue, other: Catalogue])[];

const root = typeof document === 'undefined' ? undefined : document.documentElement;

/** The language of the words: the server has written the reader's on <html lang>. Pages of staff are in English. */
export const language: string = root?.lang || 'en';

/** The same for Intl, with the digits that CLDR has for it today: older browsers write Arabic with others. */
export const locale: string = `${language}-u-nu-latn`;

const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(locale);

const spoken = new Map<Catalogue, Catalogue>();

/** Makes translators speak the page's language. Call it before anything is drawn; what is not translated stays English. */
export function speak(translation: Translation): void {
  for (const [english, other] of translation) spoken.set(english, other);
}

/** Joins catalogues into one function that gives a text by its key; a later catalogue wins over an earlier one. */
export function translator<A extends Catalogue, B extends Catalogue = Record<never, Text>>(first: A, second?: B) {
  return function t(key: (keyof A | keyof B) & string, values: Values = {}): string {
    const from: Catalogue = second && key in second ? second : first;
    const text = spoken.get(from)?.[key] ?? from[key];
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
    return typeof value === 'number' ? number.format(value) : isolate(value);
  });
}

const fromTheRight = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Keeps a value that may run against the sentence from reordering it, by FSI and PDI (UAX 9 section 2.4.2). */
function isolate(value: string): string {
  return root?.dir === 'rtl' || fromTheRight.test(value) ? `\u2068${value}\u2069` : value;
}
