/** Turns measurements into one sentence each: is it fine, and if not, what to do. Pure; the words are keys of the catalogue. */
import { neededKbps, type PublisherState, type SendStats } from '../shared/whip';
import type { studio } from '../shared/i18n/en/studio';
import type { Loudness } from './senses';

/** wait: not known yet. warn: works, but could be better. bad: the audience would not see or hear it. */
export type Verdict = 'wait' | 'good' | 'warn' | 'bad';

type Word = keyof typeof studio;

export interface Advice {
  verdict: Verdict;
  say: Word;
}

/** Below this a picture is too dark to see a face. */
const dark = 0.12;
/** Above this it is burnt out. */
const glaring = 0.92;

/** The camera: `brightness` is undefined until it was measured. */
export function cameraAdvice(works: boolean, brightness: number | undefined): Advice {
  if (!works) return { verdict: 'bad', say: 'camera.none' };
  if (brightness === undefined) return { verdict: 'wait', say: 'camera.wait' };
  if (brightness < 0.02) return { verdict: 'bad', say: 'camera.black' };
  if (brightness < dark) return { verdict: 'warn', say: 'camera.dark' };
  if (brightness > glaring) return { verdict: 'warn', say: 'camera.glaring' };
  return { verdict: 'good', say: 'camera.good' };
}

/**
 * Judges a microphone over time: a voice is heard once, then silence is only a pause. Speech at arm's length peaks between -30 and
 * -6 dBFS; a dead input stays under -65.
 */
export class Ear {
  private heard = false;
  private quiet = 0;
  private clipped = 0;
  private samples = 0;

  /** Takes one measurement (ten a second) and gives the advice as it is now. */
  hear(loudness: Loudness): Advice {
    this.samples++;
    if (loudness.peak > -0.5) this.clipped = Math.min(this.clipped + 2, 30);
    else this.clipped = Math.max(0, this.clipped - 1);
    if (loudness.peak > -30) {
      this.heard = true;
      this.quiet = 0;
    } else if (loudness.peak > -48) this.quiet++;
    return this.advice();
  }

  advice(): Advice {
    if (this.clipped > 15) return { verdict: 'warn', say: 'microphone.loud' };
    if (this.heard) return { verdict: 'good', say: 'microphone.good' };
    if (this.quiet > 20) return { verdict: 'warn', say: 'microphone.quiet' };
    if (this.samples > 120) return { verdict: 'bad', say: 'microphone.silent' };
    return { verdict: 'wait', say: 'microphone.wait' };
  }
}

/** The connection, `seconds` after it was started. */
export function connectionAdvice(state: PublisherState, stats: SendStats | undefined, seconds: number): Advice {
  if (state === 'taken') return { verdict: 'bad', say: 'connection.taken' };
  if (state === 'refused') return { verdict: 'bad', say: 'connection.refused' };
  if (state === 'reconnecting') return { verdict: 'bad', say: 'connection.dropped' };
  if (state !== 'connected' || !stats) {
    return seconds > 12 ? { verdict: 'bad', say: 'connection.blocked' } : { verdict: 'wait', say: 'connection.wait' };
  }
  if (seconds < 5 || stats.kbps === 0) return { verdict: 'wait', say: 'connection.wait' };
  if (stats.loss > 0.1) return { verdict: 'bad', say: 'connection.lossy' };
  if (stats.loss > 0.03 || stats.rttMs > 500) return { verdict: 'warn', say: 'connection.shaky' };
  if (stats.limit === 'cpu') return { verdict: 'warn', say: 'connection.cpu' };
  const small = stats.limit === 'bandwidth' || (stats.roomKbps > 0 && stats.roomKbps < neededKbps * 0.6);
  // The browser feels its way up for some seconds; only what stays low is a verdict.
  if (small) return seconds < 15 ? { verdict: 'wait', say: 'connection.wait' } : { verdict: 'warn', say: 'connection.small' };
  return { verdict: 'good', say: 'connection.good' };
}

/** The sentence on top: the worst of the three, and what to do about it. */
export function headline(camera: Advice, microphone: Advice, connection: Advice): { verdict: Verdict; title: Word } {
  const worst = (verdict: Verdict) => [camera, microphone, connection].map((advice) => advice.verdict === verdict);
  for (const verdict of ['bad', 'warn'] as const) {
    const [atCamera, atMicrophone, atConnection] = worst(verdict);
    if (atCamera) return { verdict, title: verdict === 'bad' ? 'head.camera_bad' : 'head.camera_warn' };
    if (atMicrophone) return { verdict, title: verdict === 'bad' ? 'head.microphone_bad' : 'head.microphone_warn' };
    if (atConnection) return { verdict, title: verdict === 'bad' ? 'head.connection_bad' : 'head.connection_warn' };
  }
  if (microphone.verdict === 'wait') return { verdict: 'wait', title: 'head.speak' };
  if (worst('wait').some(Boolean)) return { verdict: 'wait', title: 'head.wait' };
  return { verdict: 'good', title: 'head.good' };
}
