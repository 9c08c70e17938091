import { beforeEach, describe, expect, it } from 'vitest';
import { Refused } from '../shared/rtc';
import {
  air,
  begin,
  chosen,
  closed,
  flows,
  follows,
  hls,
  holds,
  over,
  pass,
  playback,
  ranges,
  resume,
  settle,
  startLive,
  streams,
  video,
  view,
  whep,
  world,
} from './playback.fake';

beforeEach(begin);

describe('WebRTC again, after HLS', () => {
  /** WebRTC showed ten seconds, then did not get through for eight. */
  async function fall(): Promise<void> {
    await startLive();
    pass(10_000);
    world.alive = false;
    pass(8_000);
    whep[0]!.onblocked?.(3);
    await settle();
    world.alive = true;
  }

  it('goes on with the second at which it stopped, catches up, and is live', async () => {
    await fall();
    expect(hls[0]!.live).toBe('/hls/c/index.m3u8');
    // Rather a second twice than one never; and what opening takes is reckoned with.
    expect(hls[0]!.behind!()).toBe(9.25);
    world.now += 500;
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
    world.alive = false;
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
    world.needed = (ms) => (ms >= 530_000 && ms < 601_000 ? 601_000 : ms);
    video.buffered = ranges([0, 1000]);
    pass(86_000);
    expect(view().position).toBeLessThan(530_000);
    pass(1_000);
    expect(view().position).toBeGreaterThan(600_000);
    world.needed = undefined;
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
    world.needed = (ms) => (ms >= 310_000 ? 600_000 : ms);
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
