import type { Course } from '../shared/api';
import type { RecordingMessage } from '../shared/messages';

/** How this page is connected: `out` means that nobody is signed in any more. */
export type Line = 'connecting' | 'open' | 'down' | 'out';

/** What the socket says of the broadcast; the timeline stood at `timeline_ms` when it was said. */
export interface OnAir {
  readonly state: 'live' | 'ended';
  readonly timeline_ms: number;
  readonly presenter: 'connected' | 'gone';
}

/** What is known of the room besides its questions: who watches, whether it is on air, and how we are connected. */
export class Room {
  /** Attendees connected; null until the socket has said so. */
  viewers = $state<number | null>(null);
  line = $state<Line>('connecting');
  broadcast = $state.raw<OnAir | null>(null);
  /** How the recording is doing; null until something went wrong with it. */
  recording = $state.raw<RecordingMessage | null>(null);
  /** The reader's clock in ms, moved once a second so that positions move on the page. */
  now = $state(0);
  private heard = $state(0);

  /** Where the timeline is now, in ms; it stands while the lecture is not on air. */
  readonly position = $derived.by(() => {
    if (!this.broadcast) return 0;
    const since = this.broadcast.state === 'live' ? Math.max(0, this.now - this.heard) : 0;
    return this.broadcast.timeline_ms + since;
  });
  /** What to tell of the recording: nothing while all is well or the lecture is over. */
  readonly unrecorded = $derived(
    this.broadcast?.state === 'live' && this.recording?.state === 'failing' ? (this.recording.reason ?? 'other') : null,
  );
  readonly live = $derived(this.broadcast?.state === 'live');

  /** Takes the state of the broadcast as it was at `at` on the reader's clock. */
  hear(broadcast: OnAir | null, at: number): void {
    this.broadcast = broadcast;
    this.heard = at;
    this.now = at;
  }

  /** Starts with what the course's own answer says, until the socket speaks. */
  see(course: Course, at: number): void {
    this.hear(course.broadcast, at);
  }

  tick(at: number): void {
    this.now = at;
  }
}
