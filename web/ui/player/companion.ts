/** The speaker beside a shared screen, played from a second playlist without sound, in step with the large picture. */
import type { Edit } from '../shared/api';
import { Edits } from './edits';
import { openHLS, type HLSOptions, type HLSPlayback } from './hls';

/** Further from the large picture than this is jumped, nearer is played away; nearer than the second is in step. Seconds. */
const jump = 1;
const inStep = 0.04;
/** How much faster or slower, at most: a mouth that moves so is not noticed. */
const bend = 0.15;
/** A jump takes a moment: the next one is not judged before, in ms. */
const settle = 1_500;

/** What to do about being `late` seconds behind the large picture, which plays at `rate`: jump that far, or play at another speed. */
export function pace(late: number, rate: number): { jump: number } | { rate: number } {
  if (Math.abs(late) > jump) return { jump: late };
  if (Math.abs(late) < inStep) return { rate };
  return { rate: rate * (1 + Math.max(-bend, Math.min(bend, late / 2))) };
}

export interface CompanionOptions {
  video: HTMLVideoElement;
  /** The large picture. */
  main: HTMLVideoElement;
  url: string;
  foreign?: boolean;
  edits: readonly Edit[];
  /** The playlist is to be played at its live edge. */
  live: boolean;
  now?: () => number;
  openHLS?: (video: HTMLVideoElement, options: HLSOptions) => Promise<HLSPlayback>;
}

export class Companion {
  private readonly options: CompanionOptions;
  private readonly edits: Edits;
  private readonly now: () => number;
  private hls: HLSPlayback | undefined;
  private over = false;
  private jumpedAt = -Infinity;

  constructor(options: CompanionOptions) {
    this.options = options;
    this.edits = new Edits([...options.edits], options.live);
    this.now = options.now ?? (() => performance.now());
  }

  /** Opens the stream at a moment of the timeline, in ms. */
  async open(ms: number): Promise<void> {
    const { options } = this;
    const dvr = options.live ? options.url.replace(/index\.m3u8$/, 'dvr.m3u8') : options.url;
    const hls = await (options.openHLS ?? openHLS)(options.video, {
      url: dvr,
      foreign: options.foreign ?? false,
      live: options.live ? options.url : undefined,
      start: options.live ? undefined : this.edits.toRecording(ms) / 1000,
      onqualities: () => undefined,
      ontrouble: () => undefined,
    });
    if (this.over) return hls.destroy();
    this.hls = hls;
    hls.follow(false);
    // The smallest picture there is: it is shown small.
    hls.choose({ level: -1, cap: 0 });
  }

  /** Keeps step, several times a second; `ms` is the moment of the timeline that the large picture shows. */
  keep(ms: number): void {
    const { video, main } = this.options;
    if (!this.hls || video.readyState === 0) return;
    if (main.paused !== video.paused) {
      if (main.paused) video.pause();
      else void video.play().catch(() => undefined);
    }
    const at = this.hls.place ? this.hls.place() : this.edits.toTimeline(video.currentTime * 1000);
    if (at === undefined || video.seeking || this.now() - this.jumpedAt < settle) return;
    const step = pace((ms - at) / 1000, main.playbackRate);
    if ('rate' in step) video.playbackRate = step.rate;
    else {
      this.jumpedAt = this.now();
      video.currentTime = Math.max(0, video.currentTime + step.jump);
    }
  }

  close(): void {
    this.over = true;
    this.hls?.destroy();
    this.hls = undefined;
  }
}
