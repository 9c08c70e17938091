/** Plays an HLS playlist in a <video>: by hls.js, which is loaded only now, or natively where the browser has no Media Source. */

/** One rendition a viewer can choose. */
export interface Quality {
  /** Index for `choose`; -1 is automatic. */
  index: number;
  height: number;
  kbps: number;
}

export interface HLSOptions {
  /** Everything from the start of the lecture. */
  url: string;
  /** The low-latency playlist, to play at the live edge of. Only Media Source does; without it `url` is played there. */
  live?: string | undefined;
  /** Seconds of the recording; undefined starts at the live edge. */
  start: number | undefined;
  /** The renditions are known, or the one in use changed. */
  onqualities: (qualities: Quality[], current: number) => void;
  /** Loading does not get on (true) or does again (false); it keeps trying by itself. */
  ontrouble: (trouble: boolean) => void;
}

/** What the player needs of either way to play. */
export interface HLSPlayback {
  choose: (index: number) => void;
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

function withMediaSource(Hls: HlsClass, video: HTMLVideoElement, options: HLSOptions): HLSPlayback {
  const hls = new Hls({
    startPosition: options.start ?? -1,
    backBufferLength: options.live ? 30 : 90,
    maxBufferLength: 30,
    lowLatencyMode: options.live !== undefined,
    // A little nearer to the edge than the playlist's PART-HOLD-BACK of 1.54 s, which pictures never needed; a stall moves away from it.
    ...(options.live ? { liveSyncDuration: 1.45 } : {}),
    // What was lost by a stall is caught up with: inaudibly faster, and never beyond what counts as watched.
    maxLiveSyncPlaybackRate: options.live ? 1.5 : 1,
    // The page shows captions and chapters itself. For its own cues hls.js makes tracks of data: addresses, which our policy forbids.
    renderTextTracksNatively: false,
    enableDateRangeMetadataCues: false,
    enableID3MetadataCues: false,
    enableEmsgMetadataCues: false,
  });
  const url = options.live ?? options.url;
  let repairs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let started = false;
  const qualities = () =>
    options.onqualities(
      hls.levels.map((level, index) => ({ index, height: level.height, kbps: Math.round(level.bitrate / 1000) })),
      hls.currentLevel,
    );
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    started = true;
    qualities();
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, qualities);
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    repairs = 0;
    options.ontrouble(false);
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    options.ontrouble(true);
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
    // From the next segment on: what is buffered plays out, so that a choice never stops the picture.
    choose: (index) => (hls.nextLevel = index),
    edge: () => hls.liveSyncPosition ?? undefined,
    ...(options.live ? { place: () => place(hls.latestLevelDetails, video.currentTime) } : {}),
    destroy: () => {
      clearTimeout(timer);
      hls.destroy();
    },
  };
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
