import { describe, expect, it } from 'vitest';
import { layerFor, levelsFor, remember, remembered, type Choice } from './quality';

const qualities = [180, 360, 720].map((height, index) => ({ index, height, kbps: height }));

describe('quality', () => {
  it('is a level of HLS, or a limit for choosing one', () => {
    const levels = (choice: Choice) => levelsFor(choice, qualities);
    expect(levels('auto')).toEqual({ level: -1, cap: -1 });
    expect(levels('saver')).toEqual({ level: -1, cap: 1 });
    expect(levels(720)).toEqual({ level: 2, cap: -1 });
    expect(levels(180)).toEqual({ level: 0, cap: -1 });
    // Chosen elsewhere, where there were others.
    expect(levels(480)).toEqual({ level: 1, cap: -1 });
    expect(levels(90)).toEqual({ level: 0, cap: -1 });
    expect(levelsFor(720, [])).toEqual({ level: -1, cap: -1 });
  });

  it('is a layer of WebRTC', () => {
    const wanted: Choice[] = ['auto', 'saver', 'audio', 1080, 720, 360, 180];
    expect(wanted.map(layerFor)).toEqual(['auto', 'mid', 'audio', 'high', 'high', 'mid', 'low']);
  });

  it('is kept as far as it is about data', () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    expect(remembered(storage)).toBe('auto');
    remember(storage, 'saver');
    expect(remembered(storage)).toBe('saver');
    remember(storage, 720);
    expect(remembered(storage)).toBe('auto');
    const refuses = () => {
      throw new Error('private window');
    };
    expect(remembered({ getItem: refuses })).toBe('auto');
    remember({ setItem: refuses }, 'saver');
    expect(remembered(undefined)).toBe('auto');
  });
});
