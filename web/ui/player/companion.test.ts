import { describe, expect, it } from 'vitest';
import { Companion, pace } from './companion';
import type { HLSPlayback } from './hls';

describe('the speaker beside the stage', () => {
  it('keeps step by speed while it is near, and jumps when it is far', () => {
    expect(pace(0.02, 1)).toEqual({ rate: 1 });
    expect(pace(0.2, 1)).toEqual({ rate: 1.1 });
    expect(pace(-0.2, 1.5)).toEqual({ rate: 1.35 });
    expect(pace(0.9, 1)).toEqual({ rate: 1.15 });
    expect(pace(3, 1)).toEqual({ jump: 3 });
    expect(pace(-2, 1)).toEqual({ jump: -2 });
  });

  async function beside(at: number, live: boolean) {
    let now = 0;
    const calls: string[] = [];
    const video = {
      paused: false,
      seeking: false,
      readyState: 4,
      currentTime: at,
      playbackRate: 1,
      pause: () => calls.push('pause'),
      play: async () => void calls.push('play'),
    };
    const main = { paused: false, playbackRate: 1 };
    const companion = new Companion({
      video: video as unknown as HTMLVideoElement,
      main: main as unknown as HTMLVideoElement,
      url: '/hls/c/speaker/index.m3u8',
      edits: [{ timeline_ms: 60_000, recording_ms: 0, length_ms: 30_000 }],
      live,
      now: () => now,
      openHLS: async (_video, options): Promise<HLSPlayback> => {
        calls.push(`${options.url} ${options.live ?? '-'} ${options.start ?? '-'}`);
        return {
          choose: ({ cap }) => calls.push(`cap ${cap}`),
          follow: (on) => calls.push(`follow ${on}`),
          edge: () => undefined,
          ...(options.live ? { place: () => 70_000 } : {}),
          destroy: () => calls.push('destroy'),
        };
      },
    });
    await companion.open(65_000);
    return { companion, video, main, calls, pass: (ms: number) => (now += ms) };
  }

  it('opens at the moment of the stage, small, and is brought into step', async () => {
    const { companion, video, calls, pass } = await beside(5, false);
    expect(calls).toEqual(['/hls/c/speaker/index.m3u8 - 5', 'follow false', 'cap 0']);
    companion.keep(65_010);
    expect(video.playbackRate).toBe(1);
    companion.keep(72_000);
    expect(video.currentTime).toBe(12);
    // A jump is not judged before it is done.
    video.currentTime = 8;
    companion.keep(72_000);
    expect(video.currentTime).toBe(8);
    pass(2_000);
    companion.keep(72_000);
    expect(video.currentTime).toBe(12);
  });

  it('goes by the dates of a live playlist, and stops when the stage stops', async () => {
    const { companion, video, main, calls } = await beside(100, true);
    expect(calls[0]).toBe('/hls/c/speaker/dvr.m3u8 /hls/c/speaker/index.m3u8 -');
    companion.keep(70_200);
    expect(video.playbackRate).toBeCloseTo(1.1);
    main.paused = true;
    companion.keep(70_200);
    expect(calls).toContain('pause');
    companion.close();
    expect(calls).toContain('destroy');
  });
});
