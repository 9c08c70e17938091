/** What the system around the page offers a player: its media keys and lock screen, and a screen that stays on. */
import { runs, type View } from './view';

/** What the media keys do. */
export interface Keys {
  play: () => void;
  pause: () => void;
  seek: (ms: number) => void;
}

/** The jump of the media keys when the system does not say how far, in seconds. */
const jump = 10;

/** Names the lecture on the lock screen and listens to the media keys. */
export function introduce(
  about: { title: string; by: string; album: string; poster?: string | undefined },
  keys: Keys,
  now: () => View,
): void {
  const session = navigator.mediaSession as MediaSession | undefined;
  if (!session || typeof MediaMetadata !== 'function') return;
  session.metadata = new MediaMetadata({
    title: about.title,
    artist: about.by,
    album: about.album,
    ...(about.poster ? { artwork: [{ src: about.poster }] } : {}),
  });
  const on = (name: MediaSessionAction, run: (details: MediaSessionActionDetails) => void) => {
    try {
      session.setActionHandler(name, run);
    } catch {
      // An action this browser does not know.
    }
  };
  on('play', keys.play);
  on('pause', keys.pause);
  on('stop', keys.pause);
  on('seekbackward', ({ seekOffset }) => keys.seek(now().position - (seekOffset ?? jump) * 1000));
  on('seekforward', ({ seekOffset }) => keys.seek(now().position + (seekOffset ?? jump) * 1000));
  on('seekto', ({ seekTime }) => seekTime != null && keys.seek(seekTime * 1000));
}

/** Tells the lock screen how it stands. */
export function tellSystem(view: View): void {
  const session = navigator.mediaSession as MediaSession | undefined;
  if (!session) return;
  session.playbackState = view.transport === '' ? 'none' : runs(view) ? 'playing' : 'paused';
  if (typeof session.setPositionState !== 'function' || view.edge <= 0) return;
  session.setPositionState({
    duration: view.edge / 1000,
    position: Math.min(view.position, view.edge) / 1000,
    playbackRate: view.rate,
  });
}

/** Keeps the screen on while something runs. The browser lets go by itself when the page is hidden, so it is asked again. */
export class WakeLock {
  private held: WakeLockSentinel | undefined;
  private asking = false;

  async set(wanted: boolean): Promise<void> {
    if (!wanted) {
      const held = this.held;
      this.held = undefined;
      return held?.release().catch(() => undefined);
    }
    const lock = navigator.wakeLock as WakeLock_ | undefined;
    if (this.held || this.asking || !lock || document.visibilityState !== 'visible') return;
    this.asking = true;
    try {
      const held = await lock.request('screen');
      this.held = held;
      held.addEventListener('release', () => this.held === held && (this.held = undefined));
    } catch {
      // A low battery, or a policy: the screen may go dark.
    } finally {
      this.asking = false;
    }
  }
}
type WakeLock_ = Navigator['wakeLock'];
