import { beforeEach, describe, expect, it } from 'vitest';
import type { Resume } from '../shared/api';
import { Refused } from '../shared/rtc';
import {
  air,
  begin,
  breaks,
  closed,
  flows,
  hls,
  modes,
  over,
  pass,
  playback,
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
    world.alive = false;
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

describe('of what is not recorded', () => {
  const unrecorded = (change: Partial<Resume> = {}) => resume({ recorded: false, edits: [], ...change });

  it('goes nowhere but to the live edge', async () => {
    playback.start(unrecorded(), air(600_000));
    flows(0);
    await settle();
    pass(1_000);
    playback.seek(300_000);
    await settle();
    expect(hls).toHaveLength(0);
    expect(view()).toMatchObject({ transport: 'webrtc', following: true });
    playback.pause();
    pass(60_000);
    playback.play();
    await settle();
    expect(hls).toHaveLength(0);
    expect(view()).toMatchObject({ transport: 'webrtc', following: true });
  });

  it('has no playlist from the start, and after a pause in the window goes on at its edge', async () => {
    playback.start(unrecorded(), air(600_000));
    whep[0]!.onblocked?.(3);
    await settle();
    expect(hls[0]).toMatchObject({ live: '/hls/c/index.m3u8', url: '/hls/c/index.m3u8' });
    pass(2_000);
    expect(playback.meter.take()).toEqual([{ from_ms: 598_250, to_ms: 600_000, as: 'live' }]);
    playback.setRate(0.75);
    expect(view().rate).toBe(1);
    playback.pause();
    pass(30_000);
    playback.play();
    await settle();
    expect(hls).toHaveLength(1);
    expect(video.currentTime).toBe(58);
  });

  it('is over when the lecture is, whatever plays', async () => {
    for (const blocked of [false, true]) {
      begin();
      playback.start(unrecorded(), air(600_000));
      if (blocked) whep[0]!.onblocked?.(3);
      else flows(0);
      await settle();
      pass(1_000);
      playback.broadcast(over(601_000));
      expect(view()).toMatchObject({ mode: 'none', transport: '', state: 'ended' });
      expect(modes).toEqual(['none']);
      playback.play();
      playback.seek(1_000);
      await settle();
      expect(hls).toHaveLength(blocked ? 1 : 0);
      playback.broadcast(air(601_000));
      expect(view()).toMatchObject({ mode: 'live' });
    }
  });
});
