/**
 * The captions of one lecture on one page: which tracks there are, the one chosen, its cues, and what the viewer prefers.
 *
 *   const captions = new Captions(course.id);
 *   void captions.load();                 // when the page opens, and again at every welcome of the socket
 *   captions.take(message);               // each `caption` message of the socket
 *   captions.end();                       // with the page
 *
 * <CaptionStrip {captions} position={view.position} />        the words under the picture
 * <CaptionsMenu {captions} />                                  the button and menu among the controls
 * <Transcript {captions} position={view.position} live={...} onseek={(ms) => ...} />
 */
import * as api from '../shared/api';
import type { CaptionCue, CaptionMessage, CaptionTrack } from '../shared/api';
import { remember, remembered, trackFor, withCue, type Preference } from './captions';

/** After a change that the socket told of, how long at most until it is read, in ms: a hall does not ask at once. */
const spread = 2_000;

export class Captions {
  readonly course: string;
  tracks = $state.raw<CaptionTrack[]>([]);
  cues = $state.raw<readonly CaptionCue[]>([]);
  preference = $state.raw<Preference>({ on: false, language: '', size: 'm' });
  /** This reader may have the transcript as a file. */
  download = $state(false);
  failure = $state.raw<unknown>();
  /** Asked for and not there yet. */
  loading = $state(false);
  private readonly storage: Storage | undefined;
  private loaded: { language: string; version: number } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;
  /** Somebody shows the cues: the strip, while captions are on, or a transcript. */
  private wanted = false;

  constructor(course: string, storage: Storage | undefined = localStorageIfAny()) {
    this.course = course;
    this.storage = storage;
    this.preference = remembered(storage);
  }

  /** The track that is shown, or would be. */
  track = $derived(trackFor(this.tracks, this.preference.language, browserLanguages()));
  available = $derived(this.tracks.length > 0);
  on = $derived(this.preference.on && this.available);
  live = $derived(this.track?.live ?? false);

  /** Reads the tracks, and the cues of the chosen one. */
  async load(): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    try {
      const { tracks, download } = await api.captions(this.course);
      if (turn !== this.turn) return;
      this.tracks = tracks;
      this.download = download;
      await this.read(turn);
      if (turn === this.turn) this.failure = undefined;
    } catch (error) {
      if (turn === this.turn) this.failure = error;
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }

  /** Takes a message of the socket: one more live cue, or that the tracks have changed. */
  take({ language, version, cue }: CaptionMessage): void {
    const known = this.loaded;
    if (cue && known && known.language === language && known.version === version) {
      this.cues = withCue(this.cues, cue);
      return;
    }
    const here = this.tracks.some((track) => track.language === language && track.version === version);
    if (cue && here && language !== this.track?.language) return; // of a track nobody looks at here
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, Math.random() * spread);
  }

  /** A transcript shows the cues whether captions are on or not. */
  want(): void {
    this.wanted = true;
    this.reread();
  }

  choose(language: string): void {
    this.prefer({ on: true, language });
  }

  prefer(change: Partial<Preference>): void {
    this.preference = { ...this.preference, ...change };
    remember(this.storage, this.preference);
    this.reread();
  }

  /** Reads the cues that are to be shown, unless they are here. */
  private reread(): void {
    if (!this.track || this.track.language === this.loaded?.language) return;
    const turn = ++this.turn;
    this.loading = true;
    this.read(turn)
      .catch((error: unknown) => turn === this.turn && (this.failure = error))
      .finally(() => turn === this.turn && (this.loading = false));
  }

  end(): void {
    this.turn++;
    clearTimeout(this.timer);
  }

  private async read(turn: number): Promise<void> {
    const track = this.track;
    if (!track) {
      this.cues = [];
      this.loaded = undefined;
      return;
    }
    if (!this.wanted && !this.on) return;
    const { language, version, cues } = await api.captionCues(this.course, track.language);
    if (turn !== this.turn) return;
    // Live cues that came by the socket while the answer was under way are newer than it.
    const same = this.loaded?.language === language && this.loaded.version === version;
    const newer = same ? this.cues.filter((cue) => cue.n > (cues[cues.length - 1]?.n ?? 0)) : [];
    this.cues = newer.reduce<readonly CaptionCue[]>(withCue, cues);
    this.loaded = { language, version };
  }
}

function browserLanguages(): readonly string[] {
  return typeof navigator === 'undefined' ? [] : (navigator.languages ?? [navigator.language]);
}

function localStorageIfAny(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
