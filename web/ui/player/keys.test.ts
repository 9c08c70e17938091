import { describe, expect, it } from 'vitest';
import { commandFor } from './keys';

const press = (key: string, tagName = 'BODY', { ctrlKey = false, focused = true, type = '' } = {}) =>
  commandFor({ key, ctrlKey, metaKey: false, altKey: false, target: { tagName, type } as unknown as EventTarget }, focused);

describe('keys', () => {
  it('play, seek, mute, show captions, fill the screen and explain themselves', () => {
    expect([' ', 'K', 'j', 'ArrowRight', 'm', 'f', 'c', '?'].map((key) => press(key))).toEqual([
      'toggle',
      'toggle',
      'back',
      'on',
      'sound',
      'full',
      'captions',
      'help',
    ]);
  });

  it('are no letters outside the player', () => {
    const outside = { focused: false };
    expect(['k', 'j', 'l', 'm', 'f', 'c', '?'].map((key) => press(key, 'BODY', outside))).toEqual(Array(7).fill(undefined));
    expect(press(' ', 'BODY', outside)).toBe('toggle');
    expect(press('ArrowLeft', 'BODY', outside)).toBe('back');
  });

  it('sleep while something is typed', () => {
    expect(press('m', 'TEXTAREA')).toBeUndefined();
    expect(press('ArrowLeft', 'INPUT')).toBeUndefined();
  });

  it('leave a slider its arrows', () => {
    expect(press('ArrowLeft', 'INPUT', { type: 'range' })).toBeUndefined();
    expect(press('m', 'INPUT', { type: 'range' })).toBe('sound');
    expect(press(' ', 'INPUT', { type: 'range' })).toBe('toggle');
  });

  it('leave a button its space bar and the browser its shortcuts', () => {
    expect(press(' ', 'BUTTON')).toBeUndefined();
    expect(press('k', 'BUTTON')).toBe('toggle');
    expect(press('f', 'BODY', { ctrlKey: true })).toBeUndefined();
  });
});
