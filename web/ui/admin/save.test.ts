import { expect, it } from 'vitest';
import { codesCSV, fileName } from './save';

it('writes one code per line', () => {
  expect(codesCSV(['7KQ4-M2XD-9TVA-01', '0000-0000-0000-02'])).toBe('code\r\n7KQ4-M2XD-9TVA-01\r\n0000-0000-0000-02\r\n');
});

it('never begins a cell like a formula', () => {
  expect(codesCSV(['=1+1', '-x', 'a,"b'])).toBe(`code\r\n'=1+1\r\n'-x\r\n"a,""b"\r\n`);
});

it('names the file after the batch', () => {
  expect(fileName('Teaching hospitals, 2027')).toBe('codes-teaching-hospitals-2027.csv');
  expect(fileName('शिक्षण')).toMatch(/^codes-.+\.csv$/);
  expect(fileName('***')).toBe('codes.csv');
});
