/** Numbers, durations and dates as a reader writes them. A time is never shown without the name of its zone. */
import { shared } from './en/shared';
import { language, locale, translator } from './index';

const words = translator(shared);

/** The reader's own zone, by the browser. */
export const ownZone: string = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const whole = new Intl.NumberFormat(locale);
const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });

/** 7084 -> "7,084". */
export function count(n: number): string {
  return whole.format(n);
}

/** 0.724 -> "72%". Rounded down, so that "100%" is only said when it is so. */
export function percent(share: number): string {
  return percents.format(Math.floor(share * 100 + 1e-9) / 100);
}

/** A position or length in seconds as a clock: 724 -> "12:04", 3725 -> "1:02:05". */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A length in seconds in words: 680 -> "11 min 20 s", 4500 -> "1 h 15 min". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  const hours = h > 0 ? words('length.h', { n: h }) : '';
  const minutes = m > 0 ? words('length.min', { n: m }) : '';
  const rest = h === 0 && (m === 0 || s % 60 > 0) ? words('length.s', { n: s % 60 }) : '';
  return [hours, minutes, rest].filter(Boolean).join(' ');
}

/** An ISO 8601 instant as a time of day in a zone: "19:30". */
export function timeOfDay(instant: string | Date, zone: string = ownZone): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone }).format(
    new Date(instant),
  );
}

/** An instant as a day in a zone: "Sun 22 Nov 2026". */
export function day(instant: string | Date, zone: string = ownZone): string {
  const parts = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: zone,
  });
  const text = parts.format(new Date(instant));
  return language === 'en' ? text.replace(',', '') : text;
}

/** The name of a zone at an instant: "India Standard Time" (long) or "GMT+5:30", "EST" (short). */
export function zoneName(zone: string, instant: string | Date = new Date(), style: 'long' | 'short' = 'long'): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: style }).formatToParts(new Date(instant));
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** The city that gives a zone its name: "Asia/Kolkata" -> "Kolkata". */
export function zoneCity(zone: string): string {
  return (zone.split('/').pop() ?? zone).replace(/_/g, ' ');
}

/** How long ago or ahead, in the largest unit that says it: "14 minutes", "2 hours", "3 days". */
export function span(ms: number): string {
  const minutes = Math.max(1, Math.round(Math.abs(ms) / 60_000));
  if (minutes < 60) return words('span.minutes', { count: minutes });
  if (minutes < 36 * 60) return words('span.hours', { count: Math.round(minutes / 60) });
  return words('span.days', { count: Math.round(minutes / 1440) });
}
