import { duration } from '../shared/i18n/format';

/** A length in seconds as one says it: to the minute from five minutes on, to the second below. */
export function about(seconds: number): string {
  return duration(seconds >= 300 ? Math.round(seconds / 60) * 60 : seconds);
}
