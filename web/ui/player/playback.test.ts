import { beforeEach, describe, expect, it } from 'vitest';
import type { Resume } from '../shared/api';
import type { BroadcastState } from '../shared/timeline';
import { Refused } from '../shared/rtc';
import type { Subscriber, SubscriberOptions } from '../shared/whep';
import type { HLSOptions, HLSPlayback } from './hls';
import { Playback, type View } from './playback';
import type { Levels } from './quality';

const ranges = (...list: [number, number][]) => ({
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

let now: number;
let video: FakeVideo;
let whep: SubscriberOptions[];
let alive: boolean;
let streams: MediaStream[];
/** Which receptions were ended, in that order. */
let closed: number[];
/** What was watched, for playing only the rest. */
let needed: ((ms: number) => number) | undefined;
let holds: number;
/** The layers that were asked for, after the number of the reception. */
let layers: string[];
let hls: HLSOptions[];
let follows: boolean[];
let chosen: Levels[];
let breaks: number;
let modes: string[];
let playback: Playback;

const view = (): View => playback.view;
const air = (timeline_ms: number, presenter: 'connected' | 'gone' = 'connected'): BroadcastState => ({
  id: 'b',
  state: 'live',
  timeline_ms,
  presenter,
});
const over = (timeline_ms: number): BroadcastState => ({ id: 'b', state: 'ended', timeline_ms, presenter: 'gone' });
const resume = (change: Partial<Resume>): Resume => ({
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
  edits: [{ timeline_ms: 2_000, recording_ms: 0, length_ms: 598_000 }],
  hls: '/hls/c/index.m3u8',
  ...change,
});

/** Lets promises settle. */
const settle = () => new Promise<void>((done) => setTimeout(done, 0));

/** Moves the clock, and the video with it if it plays. */
function pass(ms: number): void {
  for (let at = 0; at < ms; at += 250) {
    now += 250;
    if (!video.paused && view().transport === 'hls') video.currentTime += 0.25 * video.playbackRate;
    playback.tick();
  }
}

beforeEach(() => {
  now = 0;
  video = new FakeVideo();
  whep = [];
  hls = [];
  follows = [];
  chosen = [];
  alive = true;
  streams = [];
  closed = [];
  needed = undefined;
  holds = 0;
  layers = [];
  breaks = 0;
  modes = [];
  playback = new Playback({
    video: video as unknown as HTMLVideoElement,
    whep: '/whep/c',
    now: () => now,
    random: () => 0,
    needed: (ms) => needed?.(ms) ?? ms,
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
        alive: () => alive,
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
});

/** Media of a reception arrives. */
function flows(at: number): void {
  streams[at] = {} as MediaStream;
  whep[at]!.onstream(streams[at], {} as MediaStream);
  whep[at]!.onstate('playing');
}

async function startLive(): Promise<void> {
  playback.start(resume({}), air(600_000));
  whep[0]!.onstream({} as MediaStream, {} as MediaStream);
  await settle();
  whep[0]!.onstate('playing');
}

describe('live', () => {
  it('says that there is sound alone because the line is slow, until the picture is back or something else is played', () => {
    playback.start(resume({}), air(600_000));
    const tell = whep[0]!.onlayer!;
    tell({ wanted: 'auto', shown: 'audio', limited: true });
    expect(view().soundOnly).toBe('line');
    tell({ wanted: 'auto', shown: 'low', limited: true });
    expect(view().soundOnly).toBe('');
    tell({ wanted: 'audio', shown: 'audio', limited: false });
    expect(view().soundOnly).toBe('chosen');
    tell({ wanted: 'auto', shown: 'audio', limited: true });
    playback.seek(10_000);
    expect(view().soundOnly).toBe('');
  });

  it('opens at the edge by WebRTC and measures what plays', async () => {
    await startLive();
    expect(view()).toMatchObject({ mode: 'live', transport: 'webrtc', state: 'playing', following: true });
    pass(10_000);
    expect(playback.meter.take()).toEqual([{ from_ms: 600_250, to_ms: 610_000, as: 'live' }]);
  });

  it('earns nothing for a frozen picture', async () => {
    await startLive();
    alive = false;
    pass(10_000);
    expect(playback.meter.take()).toEqual([]);
  });

  it('shows the picture without sound when the browser wants a tap first', async () => {
    video.refuse = 'sound';
    await startLive();
    expect(view()).toMatchObject({ blocked: 'sound', muted: true, state: 'playing' });
    video.refuse = '';
    playback.unblock();
    expect(view()).toMatchObject({ blocked: '', muted: false });
  });

  it('goes to HLS when WebRTC does not get through', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onblocked?.(3);
    await settle();
    expect(view()).toMatchObject({ transport: 'hls', state: 'playing', following: true });
    expect(hls[0]!.start).toBeUndefined();
    expect(hls[0]).toMatchObject({ live: '/hls/c/index.m3u8', url: '/hls/c/dvr.m3u8' });
    pass(10_000);
    expect(view()).toMatchObject({ position: 608_000, following: true });
    expect(playback.meter.take()).toEqual([{ from_ms: 598_250, to_ms: 608_000, as: 'live' }]);
  });

  it('goes to HLS when the browser lacks the codec, and says so when the lecture is refused', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onstate('refused', new Refused(404));
    expect(view()).toMatchObject({ transport: 'webrtc', state: 'refused' });
    playback.live();
    whep[1]!.onstate('refused', new Refused(422));
    await settle();
    expect(view()).toMatchObject({ transport: 'hls', state: 'playing', following: true });
  });

  describe('in the low-latency window', () => {
    beforeEach(async () => {
      playback.start(resume({}), air(600_000));
      whep[0]!.onblocked?.(3);
      await settle();
      pass(2_000);
    });

    it('leaves it to see an earlier moment, and comes back', async () => {
      playback.seek(595_000);
      await settle();
      expect(hls[1]).toMatchObject({ url: '/hls/c/dvr.m3u8', live: undefined, start: 593 });
      playback.live();
      await settle();
      expect(hls[2]).toMatchObject({ live: '/hls/c/index.m3u8', start: undefined });
    });

    it('catches up after a short pause, and stays behind after a long one', async () => {
      playback.pause();
      pass(4_000);
      playback.play();
      await settle();
      expect(hls).toHaveLength(1);
      playback.live();
      expect(hls).toHaveLength(1);
      expect(video.currentTime).toBe(58);
      playback.tick();
      playback.pause();
      const at = view().position;
      pass(30_000);
      playback.play();
      await settle();
      expect(hls[1]).toMatchObject({ live: undefined, start: (at - 2_000) / 1000 });
    });

    it('leaves it for another speed', async () => {
      playback.setRate(0.75);
      await settle();
      expect(hls[1]).toMatchObject({ live: undefined });
      expect(video.playbackRate).toBe(0.75);
    });

    it('plays the rest when the lecture ends, and then the recording', async () => {
      playback.broadcast(over(605_000));
      pass(1_000);
      expect(view()).toMatchObject({ mode: 'replay', transport: 'hls', state: 'playing' });
      playback.pause();
      playback.play();
      await settle();
      expect(hls[1]).toMatchObject({ url: '/hls/c/index.m3u8', live: undefined });
    });
  });

  it('seeks back through the recording and returns to the edge', async () => {
    await startLive();
    pass(1_000);
    playback.seek(300_000);
    await settle();
    expect(hls[0]!.start).toBe(298);
    pass(10_000);
    expect(view()).toMatchObject({ transport: 'hls', following: false, position: 310_000 });
    expect(playback.meter.take().map((span) => span.as)).toEqual(['live', 'dvr']);
    playback.live();
    // The recording is shown until the live picture is there.
    expect(view()).toMatchObject({ transport: 'hls', joining: true, following: false });
    flows(1);
    pass(500);
    expect(view()).toMatchObject({ transport: 'webrtc', state: 'playing', joining: false, following: true });
    expect(video.srcObject).toBe(streams[1]);
  });

  it('goes to the edge of HLS when WebRTC does not get through on the way back', async () => {
    await startLive();
    playback.seek(300_000);
    await settle();
    playback.live();
    whep[1]!.onblocked?.(3);
    pass(250);
    await settle();
    expect(hls[1]).toMatchObject({ live: '/hls/c/index.m3u8', behind: undefined });
    pass(250);
    expect(view()).toMatchObject({ transport: 'hls', joining: false, following: true });
  });

  it('stays where somebody seeks to on the way back', async () => {
    await startLive();
    playback.seek(300_000);
    await settle();
    playback.live();
    playback.seek(200_000);
    flows(1);
    pass(1_000);
    expect(view()).toMatchObject({ transport: 'hls', joining: false });
    expect(closed).toEqual([0, 1]);
  });

  it('goes on where a long pause began, and at the edge after a short one', async () => {
    await startLive();
    pass(1_000);
    playback.pause();
    pass(60_000);
    playback.play();
    await settle();
    expect(hls[0]!.start).toBe(599);
    playback.live();
    flows(1);
    pass(250);
    playback.pause();
    pass(2_000);
    playback.play();
    expect(whep).toHaveLength(3);
    expect(hls).toHaveLength(1);
  });

  it('keeps the position when the lecture ends, and plays the recording from there', async () => {
    await startLive();
    pass(10_000);
    playback.broadcast(over(610_500));
    expect(view()).toMatchObject({ mode: 'replay', state: 'ended', position: 610_000 });
    expect(modes).toEqual(['replay']);
    playback.learn(resume({ edits: [{ timeline_ms: 2_000, recording_ms: 0, length_ms: 608_500 }] }));
    playback.play();
    await settle();
    expect(hls[0]!.start).toBe(608);
  });

  it('plays on when the lecture ends while its recording is being watched', async () => {
    playback.start(resume({ reason: 'link', start_ms: 100_000 }), air(600_000));
    await settle();
    pass(5_000);
    playback.broadcast(over(605_000));
    pass(5_000);
    expect(view()).toMatchObject({ mode: 'replay', transport: 'hls', state: 'playing', position: 110_000 });
  });

  it('says that the presenter is gone and stays', async () => {
    await startLive();
    playback.broadcast(air(601_000, 'gone'));
    expect(view()).toMatchObject({ presenterGone: true, transport: 'webrtc' });
    expect(whep[0]!.expectMedia?.()).toBe(false);
  });
});

describe('WebRTC again, after HLS', () => {
  /** WebRTC showed ten seconds, then did not get through for eight. */
  async function fall(): Promise<void> {
    await startLive();
    pass(10_000);
    alive = false;
    pass(8_000);
    whep[0]!.onblocked?.(3);
    await settle();
    alive = true;
  }

  it('goes on with the second at which it stopped, catches up, and is live', async () => {
    await fall();
    expect(hls[0]!.live).toBe('/hls/c/index.m3u8');
    // Rather a second twice than one never; and what opening takes is reckoned with.
    expect(hls[0]!.behind!()).toBe(9.25);
    now += 500;
    expect(hls[0]!.behind!()).toBe(9.75);
    expect(view()).toMatchObject({ transport: 'hls', following: false, only: true, rate: 1.25, position: 608_750 });
    video.buffered = ranges([0, 1000]);
    video.currentTime = 50; // 8 s from where the edge is
    for (let i = 0; i < 80 && view().only; i++) pass(250);
    expect(video.currentTime).toBeCloseTo(57.5, 0);
    expect(view()).toMatchObject({ rate: 1, following: true });
    expect(follows).toEqual([true]);
    expect(video.playbackRate).toBe(1);
  });

  it('plays no faster than is buffered', async () => {
    await fall();
    video.buffered = ranges([0, 50.4]);
    video.currentTime = 50;
    pass(250);
    expect(video.playbackRate).toBe(1);
  });

  it('tries behind the picture, and shows it when it is steady and no sooner', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onblocked?.(3);
    await settle();
    pass(14_750);
    expect(whep).toHaveLength(1);
    pass(500);
    expect(whep).toHaveLength(2);
    expect(view()).toMatchObject({ transport: 'hls', state: 'playing', joining: false });
    flows(1);
    pass(1_500);
    expect(view().transport).toBe('hls');
    pass(1_000);
    expect(view()).toMatchObject({ transport: 'webrtc', state: 'playing', following: true });
    expect(video.srcObject).toBe(streams[1]);
    expect(holds).toBe(2);
    // What it says from now on counts.
    whep[1]!.onstate('reconnecting');
    expect(view().state).toBe('reconnecting');
  });

  it('loses no second of the report when it takes over', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onblocked?.(3);
    await settle();
    video.currentTime = 52; // 600 s
    pass(15_000);
    flows(1);
    pass(10_000);
    expect(view().transport).toBe('webrtc');
    expect(playback.meter.take()).toEqual([{ from_ms: 600_250, to_ms: 625_000, as: 'live' }]);
  });

  it('tries more and more seldom, and never while HLS stalls', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onblocked?.(3);
    await settle();
    alive = false;
    pass(15_000);
    expect(whep).toHaveLength(2);
    video.dispatchEvent(new Event('waiting'));
    expect(closed).toEqual([0, 1]);
    video.dispatchEvent(new Event('playing'));
    pass(29_000);
    expect(whep).toHaveLength(2);
    pass(1_500);
    expect(whep).toHaveLength(3);
    pass(13_000);
    expect(closed).toEqual([0, 1, 2]);
    pass(50_000);
    expect(whep).toHaveLength(3);
    playback.nudge();
    pass(250);
    expect(whep).toHaveLength(4);
  });

  it('never tries where the browser lacks the codec', async () => {
    playback.start(resume({}), air(600_000));
    whep[0]!.onstate('refused', new Refused(422));
    await settle();
    pass(600_000);
    expect(whep).toHaveLength(1);
  });
});

describe('what was missed', () => {
  it('is played faster, up to the live edge', async () => {
    await startLive();
    pass(1_000);
    playback.playMissed(400_000, 130);
    await settle();
    expect(hls[0]).toMatchObject({ live: undefined, start: 398 });
    expect(view()).toMatchObject({ only: true, rate: 1.5, following: false });
    // The gap is over; what followed was seen, up to the moment at which it was left.
    needed = (ms) => (ms >= 530_000 && ms < 601_000 ? 601_000 : ms);
    video.buffered = ranges([0, 1000]);
    pass(86_000);
    expect(view().position).toBeLessThan(530_000);
    pass(1_000);
    expect(view().position).toBeGreaterThan(600_000);
    needed = undefined;
    expect(hls).toHaveLength(1);
    pass(100_000);
    await settle();
    expect(hls[1]).toMatchObject({ live: '/hls/c/index.m3u8' });
    expect(hls[1]!.behind!()).toBeLessThan(40 + 80);
  });

  it('is given up by seeking, and by slowing down', async () => {
    await startLive();
    playback.playMissed(400_000, 30);
    await settle();
    expect(view()).toMatchObject({ only: true, rate: 1.25 });
    playback.setRate(1.5);
    expect(view().only).toBe(true);
    playback.setRate(1);
    expect(view().only).toBe(false);
    playback.playMissed(400_000, 30);
    playback.seek(100_000);
    expect(view().only).toBe(false);
  });

  it('is all that a replay plays, when that is wanted', async () => {
    playback.start(resume({ mode: 'replay', reason: 'continue', start_ms: 235_000 }), over(600_000));
    await settle();
    playback.playMissed(300_000, 30);
    needed = (ms) => (ms >= 310_000 ? 600_000 : ms);
    pass(9_000);
    expect(view()).toMatchObject({ only: true, rate: 1, state: 'playing' });
    pass(2_000);
    expect(view()).toMatchObject({ only: false, state: 'ended' });
    expect(video.paused).toBe(true);
  });
});

describe('quality', () => {
  it('is sound alone by opening that alone', async () => {
    playback.start(resume({ mode: 'replay', reason: 'continue', start_ms: 235_000 }), over(600_000));
    await settle();
    pass(1_000);
    playback.choose('audio');
    await settle();
    expect(hls[1]).toMatchObject({ audioOnly: true, start: 234 });
    playback.choose('saver');
    await settle();
    expect(hls[2]).toMatchObject({ audioOnly: false });
    hls[2]!.onqualities(
      [720, 360, 180].map((height, index) => ({ index, height, kbps: height })),
      0,
    );
    expect(chosen[chosen.length - 1]).toEqual({ level: -1, cap: 1 });
    playback.choose(180);
    expect(chosen[chosen.length - 1]).toEqual({ level: 2, cap: -1 });
  });
});

describe('before and after', () => {
  it('waits for the lecture and starts by itself', () => {
    playback.start(resume({ mode: 'none', start_ms: 0 }), null);
    expect(view().state).toBe('waiting');
    playback.broadcast(air(0));
    expect(view()).toMatchObject({ mode: 'live', transport: 'webrtc', state: 'connecting' });
  });

  it('resumes the replay at the second the server says', async () => {
    playback.start(resume({ mode: 'replay', reason: 'continue', start_ms: 235_000 }), over(600_000));
    await settle();
    expect(hls[0]!.start).toBe(233);
    pass(10_000);
    expect(playback.meter.take()).toEqual([{ from_ms: 235_250, to_ms: 245_000, as: 'replay' }]);
  });

  it('asks for a tap when the browser refuses to play a replay', async () => {
    video.refuse = 'sound';
    playback.start(resume({ mode: 'replay', reason: 'continue', start_ms: 235_000 }), over(600_000));
    await settle();
    expect(view()).toMatchObject({ blocked: 'play', state: 'paused', muted: false });
  });

  it('reports at a seek, a pause and a change of speed', async () => {
    playback.start(resume({ mode: 'replay', reason: 'beginning', start_ms: 0 }), over(600_000));
    await settle();
    playback.tick();
    playback.seek(100_000);
    playback.setRate(1.25);
    playback.pause();
    expect(breaks).toBe(3);
    expect(video.currentTime).toBe(98);
  });
});
