import { describe, expect, it } from 'vitest';
import { commandFor } from './keys';

const press = (key: string, tagName = 'BODY', ctrlKey = false) =>
  commandFor({ key, ctrlKey, metaKey: false, altKey: false, target: { tagName } as unknown as EventTarget });

describe('keys', () => {
  it('play, seek, mute and fill the screen', () => {
    expect([' ', 'K', 'j', 'ArrowRight', 'm', 'f'].map((key) => press(key))).toEqual([
      'toggle',
      'toggle',
      'back',
      'on',
      'sound',
      'full',
    ]);
  });

  it('sleep while something is typed', () => {
    expect(press('m', 'TEXTAREA')).toBeUndefined();
    expect(press('ArrowLeft', 'INPUT')).toBeUndefined();
  });

  it('leave a button its space bar and the browser its shortcuts', () => {
    expect(press(' ', 'BUTTON')).toBeUndefined();
    expect(press('k', 'BUTTON')).toBe('toggle');
    expect(press('f', 'BODY', true)).toBeUndefined();
  });
});
