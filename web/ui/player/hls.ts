/** Plays an HLS playlist in a <video>: by hls.js, which is loaded only now, or natively where the browser has no Media Source. */
import { Calm } from './calm';
import type { Levels, Quality } from './quality';

export interface HLSOptions {
  /** Everything from the start of the lecture. */
  url: string;
  /** The low-latency playlist, to play at the live edge of. Only Media Source does; without it `url` is played there. */
  live?: string | undefined;
  /** With `live`: how many seconds behind the edge to start, asked when it is about to; and stay behind until `follow`. */
  behind?: (() => number) | undefined;
  /** Seconds of the recording; undefined starts at the live edge. */
  start: number | undefined;
  /** Sound alone: no byte of a picture is loaded. */
  audioOnly?: boolean;
  /** The renditions are known, or the one in use changed. */
  onqualities: (qualities: Quality[], current: number) => void;
  /** Requests go to another host, and carry its cookies. */
  foreign?: boolean;
  /** The host does not give what is asked for, time and again; `status` is that of HTTP, 0 when there was no answer. */
  onunreachable?: (status: number) => void;
  /** Loading does not get on (true) or does again (false); it keeps trying by itself. */
  ontrouble: (trouble: boolean) => void;
}

/** What the player needs of either way to play. */
export interface HLSPlayback {
  choose: (levels: Levels) => void;
  /** Keeps near the live edge by itself (true), or leaves the speed to whoever plays (false). */
  follow: (on: boolean) => void;
  /** Where the live edge can be played from, in seconds of the recording; undefined when unknown. */
  edge: () => number | undefined;
  /**
   * The moment of the session timeline (ms) that is shown, as the playlist says. Present when `live` is played, whose seconds
   * are not those of the recording; undefined until something is loaded.
   */
  place?: () => number | undefined;
  destroy: () => void;
}

const retryAfter = 1_000;

/** Attaches the playlist to the video. Errors of the network and of the media are healed here. */
export async function openHLS(video: HTMLVideoElement, options: HLSOptions): Promise<HLSPlayback> {
  const { default: Hls } = await import('hls.js');
  return Hls.isSupported() ? withMediaSource(Hls, video, options) : native(video, options);
}

type HlsClass = (typeof import('hls.js'))['default'];

/** How far behind the end of the playlist to be, in seconds: a little nearer than its PART-HOLD-BACK of 1.54 s, which pictures never needed. */
const holdBack = 1.45;
/** What was lost by a stall is caught up with: inaudibly faster, and never beyond what counts as watched. */
const fastest = 1.5;

function withMediaSource(Hls: HlsClass, video: HTMLVideoElement, options: HLSOptions): HLSPlayback {
  const { live, behind } = options;
  const hls = new Hls({
    startPosition: options.start ?? -1,
    ...(options.foreign ? { xhrSetup: (xhr: XMLHttpRequest) => void (xhr.withCredentials = true) } : {}),
    autoStartLoad: !options.audioOnly,
    backBufferLength: live ? 30 : 90,
    maxBufferLength: 30,
    // We read date ranges ourselves, and captions come another way; hls.js would load an empty track, which the policy of the page forbids.
    renderTextTracksNatively: false,
    enableDateRangeMetadataCues: false,
    enableID3MetadataCues: false,
    enableEmsgMetadataCues: false,
    enableWebVTT: false,
    enableIMSC1: false,
    enableCEA708Captions: false,
    lowLatencyMode: live !== undefined,
    ...(live ? { liveSyncDuration: holdBack } : {}),
    maxLiveSyncPlaybackRate: live && !behind ? fastest : 1,
  });
  const url = live ?? options.url;
  const calm = new Calm();
  let repairs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let started = false;
  let chosen = -1;
  let soundWanted = options.audioOnly ?? false;
  const qualities = () =>
    options.onqualities(
      hls.levels.map((level, index) => ({ index, height: level.height, kbps: Math.round(level.bitrate / 1000) })),
      hls.currentLevel,
    );
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    const sound = soundWanted ? hls.allAudioTracks[0]?.url : undefined;
    soundWanted = false;
    if (sound) return hls.loadSource(sound);
    if (options.audioOnly) hls.startLoad(options.start ?? -1);
    started = true;
    qualities();
  });
  let begun = !behind;
  hls.on(Hls.Events.LEVEL_LOADING, () => {
    if (!begun) hls.targetLatency = Math.max(holdBack, behind!());
  });
  hls.on(Hls.Events.FRAG_LOADING, () => (begun = true));
  hls.on(Hls.Events.LEVEL_SWITCHED, qualities);
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    repairs = 0;
    options.ontrouble(false);
    const follows = live !== undefined && hls.config.maxLiveSyncPlaybackRate > 1;
    if (follows && calm.over(performance.now())) hls.targetLatency = holdBack;
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) calm.stalled(performance.now());
    if (!data.fatal) return;
    options.ontrouble(true);
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) options.onunreachable?.(data.response?.code ?? 0);
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && repairs++ < 3) hls.recoverMediaError();
      else if (started) hls.startLoad();
      else hls.loadSource(url);
    }, retryAfter);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    choose: ({ level, cap }) => {
      if (hls.autoLevelCapping !== cap) hls.autoLevelCapping = cap;
      if (level === chosen) return;
      chosen = level;
      // From the next segment on: what is buffered plays out, so that a choice never stops the picture. At the live edge that is little, and
      // to fetch it again would be too late.
      if (live) hls.loadLevel = level;
      else hls.nextLevel = level;
    },
    follow: (on) => {
      hls.config.maxLiveSyncPlaybackRate = on ? fastest : 1;
      if (on) hls.targetLatency = holdBack;
    },
    edge: () => liveEdge(hls.latestLevelDetails),
    ...(live ? { place: () => place(hls.latestLevelDetails, video.currentTime) } : {}),
    destroy: () => {
      clearTimeout(timer);
      hls.destroy();
    },
  };
}

/** What `liveEdge` reads of hls.js' LevelDetails. */
interface Growing {
  live: boolean;
  edge: number;
  age: number;
  holdBack: number;
  partTarget?: number;
  targetduration: number;
}

/** The last second of a growing playlist that can be played without running dry; undefined when it does not grow. */
export function liveEdge(playlist: Growing | null | undefined): number | undefined {
  if (!playlist?.live) return undefined;
  const { edge, age, partTarget, targetduration } = playlist;
  return edge + Math.min(age, partTarget || targetduration) - (partTarget ? holdBack : 1.5 * targetduration);
}

/** What `place` reads of hls.js' LevelDetails. */
export interface Dated {
  fragments: readonly { start: number; programDateTime: number | null }[];
  dateRanges: Readonly<
    Record<string, { class: string; startDate: Date; attr: Readonly<Record<string, string | undefined>> } | undefined>
  >;
}

/**
 * The moment of the session timeline (ms) at a second of a live playlist. Its segments have dates, and for each run of the lecture
 * there is a date range that says which moment its date is.
 */
export function place(playlist: Dated | null | undefined, second: number): number | undefined {
  const fragments = playlist?.fragments ?? [];
  const fragment = [...fragments].reverse().find(({ start }) => start <= second) ?? fragments[0];
  if (!playlist || !fragment?.programDateTime) return undefined;
  const date = fragment.programDateTime + (second - fragment.start) * 1000;
  const runs = Object.values(playlist.dateRanges)
    .filter((range) => range?.class === 'lectern.run')
    .map((range) => ({ date: range!.startDate.getTime(), ms: Number(range!.attr['X-TIMELINE-MS']) }))
    .sort((a, b) => b.date - a.date);
  const run = runs.find((r) => r.date <= fragment.programDateTime!) ?? runs[runs.length - 1];
  return run && run.ms + date - run.date;
}

function native(video: HTMLVideoElement, options: HLSOptions): HLSPlayback {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Before anything is loaded; it holds for what the playlist leads to as well.
  if (options.foreign) video.crossOrigin = 'use-credentials';
  const load = (at: number | undefined) => {
    video.src = options.url;
    if (at !== undefined) video.addEventListener('loadedmetadata', () => (video.currentTime = at), { once: true });
  };
  const failed = () => {
    options.ontrouble(true);
    const at = video.currentTime || options.start;
    timer = setTimeout(() => load(at), retryAfter);
  };
  const fine = () => options.ontrouble(false);
  video.addEventListener('error', failed);
  video.addEventListener('playing', fine);
  load(options.start);
  return {
    choose: () => undefined,
    follow: () => undefined,
    edge: () => (video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) - 1 : undefined),
    destroy: () => {
      clearTimeout(timer);
      video.removeEventListener('error', failed);
      video.removeEventListener('playing', fine);
      video.removeAttribute('src');
      video.load();
    },
  };
}
