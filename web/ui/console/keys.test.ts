import { describe, expect, it } from 'vitest';
import { commandFor, type KeyPress } from './keys';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  isComposing: false,
  ...more,
});
const free = { typing: false, singleKeys: true };
const typing = { typing: true, singleKeys: true };

describe('single keys', () => {
  it('work outside fields, in either case', () => {
    expect(commandFor(press('a'), free)).toEqual({ do: 'approve-assign' });
    expect(commandFor(press('A', { shiftKey: true }), free)).toEqual({ do: 'approve-assign' });
    expect(commandFor(press('?', { shiftKey: true }), free)).toEqual({ do: 'help' });
    expect(commandFor(press('3'), free)).toEqual({ do: 'presenter', presenter: 2 });
    expect(commandFor(press('0'), free)).toBeNull();
  });

  it('are off while typing and when turned off', () => {
    for (const key of ['j', 'k', 'a', 'd', 'u', 'e', 'n', 'o', '1', '?']) {
      expect(commandFor(press(key), typing)).toBeNull();
      expect(commandFor(press(key), { typing: false, singleKeys: false })).toBeNull();
    }
  });

  it('leave the shortcuts of the browser and of input methods alone', () => {
    expect(commandFor(press('d', { ctrlKey: true }), free)).toBeNull();
    expect(commandFor(press('a', { metaKey: true }), free)).toBeNull();
    expect(commandFor(press('n', { altKey: true }), free)).toBeNull();
    expect(commandFor(press('a', { isComposing: true }), free)).toBeNull();
  });

  it('act once when held, except for walking the list', () => {
    expect(commandFor(press('d', { repeat: true }), free)).toBeNull();
    expect(commandFor(press('1', { repeat: true }), free)).toBeNull();
    expect(commandFor(press('j', { repeat: true }), free)).toEqual({ do: 'next' });
  });
});

describe('keys that always work', () => {
  it('change the column', () => {
    expect(commandFor(press('F6'), typing)).toEqual({ do: 'column', by: 1 });
    expect(commandFor(press('F6', { shiftKey: true }), { typing: false, singleKeys: false })).toEqual({ do: 'column', by: -1 });
  });

  it('save and leave the text', () => {
    expect(commandFor(press('Enter', { ctrlKey: true }), typing)).toEqual({ do: 'save' });
    expect(commandFor(press('Enter', { metaKey: true }), typing)).toEqual({ do: 'save' });
    expect(commandFor(press('Enter'), typing)).toBeNull();
    expect(commandFor(press('Escape'), typing)).toEqual({ do: 'leave' });
    expect(commandFor(press('Escape'), free)).toBeNull();
  });
});
