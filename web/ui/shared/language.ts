import { language } from './i18n';

/** A language in its own words, or in the page's when the browser cannot: "es" is "Español". */
export function languageName(tag: string, page: string = language): string {
  if (typeof Intl.DisplayNames !== 'function') return tag; // browsers before 2021
  for (const reader of [tag, page]) {
    try {
      const name = new Intl.DisplayNames([reader], { type: 'language' }).of(tag);
      if (name && name !== tag) return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
    } catch {
      // A tag the browser does not know.
    }
  }
  return tag;
}
