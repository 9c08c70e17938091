import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from './api-types';
import { helloFrame, parse, reportFrame, type Place } from './messages';

interface Sample {
  name: string;
  from: 'client' | 'server';
  refused?: string;
  extra?: boolean;
  frame: { type: string; data: Record<string, unknown> };
}

// The same samples that signaling/protocol/protocol_test.go reads.
const file = resolve(import.meta.dirname, '../../../signaling/protocol/testdata/messages.json');
const samples = JSON.parse(readFileSync(file, 'utf8')) as Sample[];
const from = (who: Sample['from'], good: boolean) => samples.filter((s) => s.from === who && !s.refused === good);

describe('messages of the server', () => {
  it.each(from('server', true))('reads $name', ({ frame }) => {
    expect(parse(JSON.stringify(frame))).toEqual(frame);
  });

  it.each(from('server', false))('ignores $name', ({ frame }) => {
    expect(parse(JSON.stringify(frame))).toBeNull();
  });

  it.each([
    ['half a frame', '{"type":"presence"'],
    ['a list', '[]'],
    ['nothing', ''],
    ['null', 'null'],
    ['bytes', new ArrayBuffer(2)],
  ])('ignores %s', (_, text) => {
    expect(parse(text)).toBeNull();
  });

  it('ignores types that only JavaScript knows', () => {
    for (const type of ['constructor', 'toString', '__proto__']) expect(parse(JSON.stringify({ type, data: {} }))).toBeNull();
  });
});

describe('messages of the client', () => {
  it.each(from('client', true).filter((s) => !s.extra))('writes $name', ({ frame }) => {
    const { data } = frame;
    const place = 'epoch' in data ? (data as unknown as Place) : undefined;
    const text =
      frame.type === 'hello' ? helloFrame(String(data['ticket']), place) : reportFrame(frame.data as unknown as Report);
    expect(JSON.parse(text)).toEqual(frame);
  });
});
