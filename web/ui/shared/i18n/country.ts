import { language } from './index';

const names = typeof Intl.DisplayNames === 'function' ? new Intl.DisplayNames([language], { type: 'region' }) : null;

/** The name of a country by its ISO 3166-1 alpha-2 code: "IN" -> "India". An unknown code stands for itself. */
export function countryName(code: string): string {
  try {
    return (code && names?.of(code)) || code;
  } catch {
    return code;
  }
}
