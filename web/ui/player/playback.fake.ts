/** A page around Playback, with a clock, a <video>, WebRTC and HLS that tests drive. */
import type { Resume } from '../shared/api';
import type { BroadcastState } from '../shared/timeline';
import type { Subscriber, SubscriberOptions } from '../shared/whep';
import type { HLSOptions, HLSPlayback } from './hls';
import { Playback, type View } from './playback';
import type { Levels } from './quality';

export const ranges = (...list: [number, number][]) => ({
  length: list.length,
  start: (at: number) => list[at]![0],
  end: (at: number) => list[at]![1],
});

/** The parts of a <video> that Playback touches. */
class FakeVideo extends EventTarget {
  srcObject: unknown = null;
  muted = false;
  volume = 1;
  paused = true;
  seeking = false;
  ended = false;
  readyState = 4;
  currentTime = 0;
  playbackRate = 1;
  defaultPlaybackRate = 1;
  buffered = ranges();
  refuse: 'sound' | 'all' | '' = '';

  async play(): Promise<void> {
    if (this.refuse === 'all' || (this.refuse === 'sound' && !this.muted)) throw new DOMException('gesture', 'NotAllowedError');
    this.paused = false;
    this.dispatchEvent(new Event('playing'));
  }

  pause(): void {
    this.paused = true;
    this.dispatchEvent(new Event('pause'));
  }
}

/** What a test may change while Playback works. */
export const world: { now: number; alive: boolean; needed: ((ms: number) => number) | undefined } = {
  now: 0,
  alive: true,
  needed: undefined, // what was watched, for playing only the rest
};
export let video: FakeVideo;
export let whep: SubscriberOptions[];
export let streams: MediaStream[];
/** Which receptions were ended, in that order. */
export let closed: number[];
export let holds: number;
/** The layers that were asked for, after the number of the reception. */
export let layers: string[];
export let hls: HLSOptions[];
export let follows: boolean[];
export let chosen: Levels[];
export let breaks: number;
export let modes: string[];
export let playback: Playback;

export const view = (): View => playback.view;
export const air = (timeline_ms: number, presenter: 'connected' | 'gone' = 'connected'): BroadcastState => ({
  id: 'b',
  state: 'live',
  timeline_ms,
  presenter,
});
export const over = (timeline_ms: number): BroadcastState => ({ id: 'b', state: 'ended', timeline_ms, presenter: 'gone' });
export const resume = (change: Partial<Resume>): Resume => ({
  mode: 'live',
  start_ms: 600_000,
  reason: 'live_edge',
  continue_ms: null,
  watched: [],
  watched_s: 0,
  countable_s: 600,
  share: 0,
  gaps: [],
  speaker: { hls: '', edits: [] },
  elsewhere: null,
  edits: [{ timeline_ms: 2_000, recording_ms: 0, length_ms: 598_000 }],
  recorded: true,
  hls: '/hls/c/index.m3u8',
  ...change,
});

/** Lets promises settle. */
export const settle = () => new Promise<void>((done) => setTimeout(done, 0));

/** Moves the clock, and the video with it if it plays. */
export function pass(ms: number): void {
  for (let at = 0; at < ms; at += 250) {
    world.now += 250;
    if (!video.paused && view().transport === 'hls') video.currentTime += 0.25 * video.playbackRate;
    playback.tick();
  }
}

/** A fresh page. */
export function begin(): void {
  world.now = 0;
  video = new FakeVideo();
  whep = [];
  hls = [];
  follows = [];
  chosen = [];
  world.alive = true;
  streams = [];
  closed = [];
  world.needed = undefined;
  holds = 0;
  layers = [];
  breaks = 0;
  modes = [];
  playback = new Playback({
    video: video as unknown as HTMLVideoElement,
    whep: '/whep/c',
    now: () => world.now,
    random: () => 0,
    needed: (ms) => world.needed?.(ms) ?? ms,
    onhold: () => holds++,
    onview: () => undefined,
    onbreak: () => breaks++,
    onmode: (mode) => modes.push(mode),
    newSubscriber: (options) => {
      const at = whep.push(options) - 1;
      return {
        start: () => undefined,
        close: () => closed.includes(at) || closed.push(at),
        nudge: () => undefined,
        setLayer: (layer: string) => layers.push(`${at} ${layer}`),
        alive: () => world.alive,
      } as unknown as Subscriber;
    },
    openHLS: async (_video, options) => {
      hls.push(options);
      video.currentTime = options.start ?? 50; // of the window
      const shared = {
        choose: (levels: Levels) => chosen.push(levels),
        follow: (on: boolean) => follows.push(on),
        destroy: () => undefined,
      };
      if (!options.live) return { ...shared, edge: () => undefined } satisfies HLSPlayback;
      return { ...shared, edge: () => 58, place: () => 548_000 + video.currentTime * 1000 } satisfies HLSPlayback;
    },
  });
}

/** Media of a reception arrives. */
export function flows(at: number): void {
  streams[at] = {} as MediaStream;
  whep[at]!.onstream(streams[at], {} as MediaStream);
  whep[at]!.onstate('playing');
}

export async function startLive(): Promise<void> {
  playback.start(resume({}), air(600_000));
  whep[0]!.onstream({} as MediaStream, {} as MediaStream);
  await settle();
  whep[0]!.onstate('playing');
}
