import { describe, expect, it } from 'vitest';
import { knownZone, meaning, toLocal, zones } from './zone';

const iso = (found: ReturnType<typeof meaning>) => (found.kind === 'one' ? found.instant.toISOString() : found.kind);

describe('meaning', () => {
  it('is one instant on an ordinary day', () => {
    expect(iso(meaning('2026-11-22T19:30', 'Asia/Kolkata'))).toBe('2026-11-22T14:00:00.000Z');
    expect(iso(meaning('2026-07-01T12:00', 'America/New_York'))).toBe('2026-07-01T16:00:00.000Z');
    expect(iso(meaning('2027-01-01T00:30', 'Pacific/Kiritimati'))).toBe('2026-12-31T10:30:00.000Z');
    expect(iso(meaning('2026-11-22T19:30:00', 'UTC'))).toBe('2026-11-22T19:30:00.000Z');
  });

  it('is a gap when the clocks skip it', () => {
    expect(meaning('2027-03-28T02:30', 'Europe/Berlin')).toEqual({ kind: 'gap', from: '02:00', to: '03:00' });
    expect(meaning('2026-10-04T02:15', 'Australia/Lord_Howe')).toEqual({ kind: 'gap', from: '02:00', to: '02:30' });
    expect(iso(meaning('2027-03-28T03:00', 'Europe/Berlin'))).toBe('2027-03-28T01:00:00.000Z');
    expect(iso(meaning('2027-03-28T01:59', 'Europe/Berlin'))).toBe('2027-03-28T00:59:00.000Z');
  });

  it('is twice when the clocks go back over it', () => {
    expect(meaning('2026-10-25T02:30', 'Europe/Berlin')).toEqual({
      kind: 'twice',
      first: new Date('2026-10-25T00:30:00Z'),
      second: new Date('2026-10-25T01:30:00Z'),
    });
    expect(meaning('2026-11-01T01:00', 'America/New_York').kind).toBe('twice');
    expect(meaning('2026-11-01T02:00', 'America/New_York').kind).toBe('one');
  });

  it('is nothing while the field is not filled', () => {
    expect(meaning('', 'Europe/Berlin').kind).toBe('none');
    expect(meaning('2026-11-22T19:30', 'Mars/Olympus').kind).toBe('none');
    expect(meaning('2026-11-22T19:30', '').kind).toBe('none');
  });
});

it('writes an instant as the field holds it', () => {
  expect(toLocal(new Date('2026-11-22T14:00:00Z'), 'Asia/Kolkata')).toBe('2026-11-22T19:30');
  expect(toLocal(new Date('2026-12-31T10:30:00Z'), 'Pacific/Kiritimati')).toBe('2027-01-01T00:30');
});

it('knows zones', () => {
  expect(knownZone('Asia/Kolkata')).toBe(true);
  expect(knownZone('')).toBe(false);
  expect(zones('Asia/Kolkata')).toContain('Europe/Berlin');
});
