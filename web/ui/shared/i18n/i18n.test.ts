import { describe, expect, it } from 'vitest';
import { clock, duration, percent, span, timeOfDay } from './format';
import { translator } from './index';

describe('translator', () => {
  const t = translator(
    { hello: 'Hello {name}', watching: { one: '{count} doctor is watching', other: '{count} doctors are watching' } },
    { bye: 'Bye' },
  );

  it('fills places and leaves unknown ones alone', () => {
    expect(t('hello', { name: 'Dr Rao' })).toBe('Hello Dr Rao');
    expect(t('hello')).toBe('Hello {name}');
  });

  it('chooses the plural form and writes the number', () => {
    expect(t('watching', { count: 1 })).toBe('1 doctor is watching');
    expect(t('watching', { count: 7084 })).toBe('7,084 doctors are watching');
  });

  it('joins catalogues', () => {
    expect(t('bye')).toBe('Bye');
  });
});

describe('format', () => {
  it('writes positions as a clock', () => {
    expect([clock(0), clock(724.9), clock(3725), clock(-1)]).toEqual(['0:00', '12:04', '1:02:05', '0:00']);
  });

  it('writes lengths in words', () => {
    expect([duration(40), duration(680), duration(600), duration(4500)]).toEqual(['40 s', '11 min 20 s', '10 min', '1 h 15 min']);
  });

  it('never rounds a share up to 100 %', () => {
    expect([percent(0.724), percent(0.999), percent(1)]).toEqual(['72%', '99%', '100%']);
  });

  it('says how far away something is', () => {
    expect([span(14 * 60_000), span(-60_000), span(3 * 3_600_000), span(3 * 86_400_000)]).toEqual([
      '14 minutes',
      '1 minute',
      '3 hours',
      '3 days',
    ]);
  });

  it('writes a time of day in a zone', () => {
    expect(timeOfDay('2026-11-22T14:00:00Z', 'Asia/Kolkata')).toBe('19:30');
  });
});
