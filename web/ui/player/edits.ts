/** The edit list: which moment of the recording shows which moment of the session timeline. All values are milliseconds. */
import type { Edit } from '../shared/api';

export class Edits {
  private readonly rows: readonly Edit[];
  /** The last piece still grows. */
  private readonly growing: boolean;

  constructor(rows: readonly Edit[] | null, growing: boolean) {
    this.rows = [...(rows ?? [])].filter((row) => row.length_ms > 0 || growing).sort((a, b) => a.timeline_ms - b.timeline_ms);
    this.growing = growing;
  }

  /** Where the recording ends on the timeline; 0 if there is none. */
  get end(): number {
    const last = this.rows[this.rows.length - 1];
    return last ? last.timeline_ms + last.length_ms : 0;
  }

  /** The moment of the recording for a moment of the lecture: inside a removed stretch the next kept one, past the end the last one. */
  toRecording(timeline: number): number {
    if (this.rows.length === 0) return Math.max(0, timeline);
    for (const [at, row] of this.rows.entries()) {
      if (timeline < row.timeline_ms) return row.recording_ms;
      if (timeline < row.timeline_ms + row.length_ms || (this.growing && at === this.rows.length - 1)) {
        return row.recording_ms + timeline - row.timeline_ms;
      }
    }
    const last = this.rows[this.rows.length - 1]!;
    return last.recording_ms + last.length_ms;
  }

  /** The moment of the lecture that this moment of the recording shows. */
  toTimeline(recording: number): number {
    if (this.rows.length === 0) return Math.max(0, recording);
    const byRecording = [...this.rows].sort((a, b) => a.recording_ms - b.recording_ms);
    for (const [at, row] of byRecording.entries()) {
      if (recording < row.recording_ms) return row.timeline_ms;
      const last = at === byRecording.length - 1;
      if (recording < row.recording_ms + row.length_ms || (last && this.growing))
        return row.timeline_ms + recording - row.recording_ms;
    }
    const last = byRecording[byRecording.length - 1]!;
    return last.timeline_ms + last.length_ms;
  }
}

/** Whether a stream that comes and goes has pictures for a moment of the timeline, in ms; `growing`: its newest piece has no end yet. */
export function covers(edits: readonly Edit[], ms: number, growing: boolean): boolean {
  const newest = Math.max(...edits.map((edit) => edit.timeline_ms));
  return edits.some(
    (edit) => edit.timeline_ms <= ms && (ms < edit.timeline_ms + edit.length_ms || (growing && edit.timeline_ms === newest)),
  );
}
