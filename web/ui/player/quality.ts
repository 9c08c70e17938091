/** What a viewer chose to receive, and how it is kept and carried out. */

import type { LayerChoice } from '../shared/layer';

/** One rendition of HLS. */
export interface Quality {
  /** Index for `choose` of the HLS playback. */
  index: number;
  height: number;
  kbps: number;
}

/**
 * auto: fitted to the line. saver: fitted to it, but never more than a small picture. audio: no picture. A number: that height, always.
 */
export type Choice = 'auto' | 'saver' | 'audio' | number;

/** The largest picture of the data saver. */
export const saverHeight = 360;

/** What HLS does for a choice: a level for good, or automatic up to `cap`; -1 is none. */
export interface Levels {
  level: number;
  cap: number;
}

export function levelsFor(choice: Choice, qualities: readonly Quality[]): Levels {
  const small = best(qualities, saverHeight);
  if (choice === 'saver') return { level: -1, cap: small };
  if (typeof choice !== 'number') return { level: -1, cap: -1 };
  return { level: best(qualities, choice), cap: -1 };
}

/** The highest rendition that is not higher than `height`, else the lowest; -1 of none. */
function best(qualities: readonly Quality[], height: number): number {
  const sorted = [...qualities].filter((quality) => quality.height > 0).sort((a, b) => b.height - a.height);
  return (sorted.find((quality) => quality.height <= height) ?? sorted[sorted.length - 1])?.index ?? -1;
}

/** What WebRTC asks the server for. Its three layers are the full picture, a half and a quarter of it. */
export function layerFor(choice: Choice): LayerChoice {
  if (choice === 'auto' || choice === 'audio') return choice;
  const height = choice === 'saver' ? saverHeight : choice;
  return height > saverHeight ? 'high' : height > saverHeight / 2 ? 'mid' : 'low';
}

/** The heights one can choose of while WebRTC plays, where nobody lists them. */
export const layerHeights: readonly number[] = [720, 360, 180];

const key = 'lectern.quality';

/** The choice of the last time: only what is about data is kept, a height was for one lecture. */
export function remembered(storage: Pick<Storage, 'getItem'> | undefined): Choice {
  try {
    const kept = storage?.getItem(key);
    return kept === 'saver' || kept === 'audio' ? kept : 'auto';
  } catch {
    return 'auto';
  }
}

export function remember(storage: Pick<Storage, 'setItem'> | undefined, choice: Choice): void {
  try {
    storage?.setItem(key, typeof choice === 'number' ? 'auto' : choice);
  } catch {
    // A private window keeps nothing.
  }
}
