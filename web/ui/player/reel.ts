/** The HLS side of a player: what is open, on which host, and whether it is the minute at the live edge or everything from the start. */
import type { HLSOptions, HLSPlayback } from './hls';
import { levelsFor, type Choice, type Quality } from './quality';
import type { PlaybackOptions } from './view';

/** What to open: everything at a second of the recording, or the last minute at its edge or so many seconds behind it. */
export interface Where {
  url: string;
  live?: string;
  behind?: () => number;
  start?: number;
}

export interface ReelEvents {
  /** It plays; `sound` alone when that was chosen. */
  onopen: () => void;
  onqualities: (qualities: Quality[], height: number | undefined) => void;
  /** Loading does not get on (true) or does again (false). */
  ontrouble: (trouble: boolean) => void;
  /** Nothing can be opened, and nothing will be by itself. */
  onfailed: () => void;
  /** Another host has it: open again. */
  onmoved: () => void;
}

export class Reel {
  hls: HLSPlayback | undefined;
  /** What is open lists the last minute only, and says itself what moment it shows. */
  window = false;
  /** This browser has only the playlist with everything. */
  noWindow = false;
  /** It is played at the live edge, not at a moment that somebody chose. */
  atEdge = false;
  private readonly options: PlaybackOptions;
  private qualities: Quality[] = [];
  /** Rises with every opening; what an older one still says is ignored. */
  private turn = 0;

  constructor(options: PlaybackOptions) {
    this.options = options;
  }

  async open(where: Where, choice: () => Choice, on: ReelEvents): Promise<void> {
    this.close();
    const turn = this.turn;
    const mine = () => turn === this.turn;
    const { media, video } = this.options;
    const at = (path: string) => media?.at(path) ?? path;
    this.qualities = [];
    try {
      await media?.ready();
      if (!mine()) return;
      const hls = await this.load(video, {
        url: at(where.url),
        live: where.live === undefined ? undefined : at(where.live),
        behind: where.behind,
        start: where.start,
        foreign: media?.foreign ?? false,
        audioOnly: choice() === 'audio',
        onunreachable: (status) => mine() && void this.elsewhere(status, () => mine() && on.onmoved()),
        onqualities: (qualities, current) => {
          if (!mine()) return;
          this.qualities = qualities;
          on.onqualities(qualities, qualities[current]?.height);
          this.choose(choice());
        },
        ontrouble: (trouble) => mine() && on.ontrouble(trouble),
      });
      if (!mine()) return hls.destroy();
      this.hls = hls;
      this.window = hls.place !== undefined;
      this.noWindow ||= where.live !== undefined && !this.window;
      this.choose(choice());
      on.onopen();
    } catch {
      if (mine()) on.onfailed();
    }
  }

  choose(choice: Choice): void {
    this.hls?.choose(levelsFor(choice, this.qualities));
  }

  close(): void {
    this.turn++;
    this.hls?.destroy();
    this.hls = undefined;
    this.window = false;
    this.atEdge = false;
  }

  /** The host does not give it: new leave for it if it says no, else the next host. */
  private async elsewhere(status: number, moved: () => void): Promise<void> {
    const { media } = this.options;
    if (status === 403) await media?.renew();
    else if (await media?.next()) moved();
  }

  /** hls.js and what we say to it are loaded when they are needed first. */
  private async load(video: HTMLVideoElement, options: HLSOptions): Promise<HLSPlayback> {
    const open = this.options.openHLS ?? (await import('./hls')).openHLS;
    return open(video, options);
  }
}
