import type { Analytics } from '../shared/api';
import { dip, firstSteps, lengthOf, peak, stayed, totalOf, unsettled } from './curve';

/** A key of the catalogue with what stands in its places; numbers that are lengths are given in seconds. */
export type Sentence =
  | { readonly key: 'answer.none' | 'answer.live_empty' | 'answer.final_empty' }
  | { readonly key: 'answer.live'; readonly count: number; readonly share: number | null }
  | {
      readonly key: 'answer.final';
      readonly count: number;
      readonly enrolled: number;
      readonly median_s: number;
      readonly countable_s: number;
    };

/** The figures without those seconds at the live edge that are still being counted, which would look like everybody leaving. */
export function settled(figures: Analytics): Analytics {
  if (figures.state !== 'live') return figures;
  const steps = lengthOf(figures.curve) / figures.curve.step_s - unsettled(figures.curve);
  return { ...figures, curve: firstSteps(figures.curve, steps), questions_per_step: figures.questions_per_step.slice(0, steps) };
}

/** How many people watch now: the most of the last settled step and those after it. */
export function watchingNow(figures: Analytics): number {
  const watched = during(figures);
  return Math.max(0, ...watched.slice(-unsettled(figures.curve) - 1));
}

/** The most people who watched the same moment while the lecture ran, at the live edge or behind it. */
export function watchingPeak(figures: Analytics): number {
  return Math.max(0, ...during(figures));
}

function during({ curve }: Analytics): number[] {
  return curve.live.map((live, i) => live + (curve.dvr[i] ?? 0));
}

/** The sentence the page opens with. */
export function answer(figures: Analytics): Sentence {
  const { totals } = figures;
  if (figures.state === 'none') return { key: 'answer.none' };
  if (figures.state === 'live') {
    const count = watchingNow(figures);
    return count === 0
      ? { key: 'answer.live_empty' }
      : { key: 'answer.live', count, share: totals.enrolled > 0 ? Math.min(1, count / totals.enrolled) : null };
  }
  if (totals.attended === 0) return { key: 'answer.final_empty' };
  const { attended: count, enrolled, median_watched_s: median_s, countable_s } = totals;
  return { key: 'answer.final', count, enrolled, median_s, countable_s };
}

/** What stands above the curve: one finding about staying, one about leaving. */
export interface Findings {
  readonly peak: { readonly value: number; readonly at: number } | null;
  /** Share of the live peak still there at the end; null while the lecture runs. */
  readonly stayed: number | null;
  readonly dip: { readonly from: number; readonly to: number; readonly lost: number } | null;
  /** The most watched moment of the replay, when replay makes a peak of its own. */
  readonly replayed: { readonly value: number; readonly at: number } | null;
  /** Nobody watched a second of it. */
  readonly empty: boolean;
}

/** The findings of a curve. */
export function findings(figures: Analytics): Findings {
  const { curve } = figures;
  const replayed = peak(curve.replay, curve.step_s);
  return {
    peak: peak(curve.live, curve.step_s),
    stayed: figures.state === 'final' ? stayed(curve) : null,
    dip: dip(curve),
    replayed: replayed && replayed.value >= 10 ? replayed : null,
    empty: lengthOf(curve) === 0 || Math.max(...totalOf(curve)) === 0,
  };
}
