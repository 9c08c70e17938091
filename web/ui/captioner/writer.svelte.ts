/** What a captioner writes: the line in the field, the ones shown so far, and the connection to the room. */
import * as api from '../shared/manage';
import type { CaptionCue, Course } from '../shared/api';
import { Socket, type SocketState } from '../shared/socket';

/** The server takes no longer line (lms.LiveCue). */
export const longest = 400;
/** Lines kept on the page. */
const kept = 200;

export class Writer {
  readonly id: string;
  course = $state.raw<Course>();
  failure = $state.raw<unknown>();
  line = $state.raw<SocketState>('closed');
  live = $state(false);
  language = $state('en');
  speaker = $state('');
  text = $state('');
  /** Lines are taken for this language; empty before it was chosen. */
  open = $state('');
  busy = $state(false);
  /** Why the last line was not shown. */
  refused = $state('');
  languageError = $state('');
  shown = $state.raw<readonly CaptionCue[]>([]);
  private readonly socket: Socket;

  constructor(id: string) {
    this.id = id;
    this.socket = new Socket({
      course: id,
      on: {
        state: (state) => (this.line = state),
        broadcast: (broadcast) => (this.live = broadcast.state === 'live'),
        // Lines of other captioners of the same language, and our own.
        caption: ({ language, cue }) => cue && language === this.open && this.keep(cue),
      },
    });
  }

  async start(): Promise<void> {
    try {
      this.course = await api.course(this.id);
      this.live = this.course.broadcast?.state === 'live';
      this.socket.start();
    } catch (error) {
      this.failure = error;
    }
  }

  stop(): void {
    this.socket.stop();
  }

  /** Makes the captions of the language known. */
  async begin(): Promise<void> {
    this.busy = true;
    this.languageError = '';
    try {
      const { language } = await api.openLiveCaptions(this.id, this.language.trim());
      this.open = language;
    } catch (error) {
      this.languageError = api.messageOf(error);
    } finally {
      this.busy = false;
    }
  }

  /** Shows the line in the field to everybody. What is typed meanwhile is the next line; a refused one comes back. */
  async send(): Promise<void> {
    const text = this.text.trim();
    if (text === '' || this.busy) return;
    this.busy = true;
    this.text = '';
    this.refused = '';
    try {
      const { cue } = await api.writeCaption(this.id, this.open, text, this.speaker.trim());
      if (cue) this.keep(cue);
    } catch (error) {
      this.refused = api.messageOf(error);
      this.text = this.text === '' ? text : `${text} ${this.text}`;
    } finally {
      this.busy = false;
    }
  }

  /** Takes the last line back into the empty field, to write it again. */
  recall(): boolean {
    const last = this.shown[this.shown.length - 1];
    if (this.text !== '' || !last) return false;
    this.text = last.text;
    return true;
  }

  private keep(cue: CaptionCue): void {
    if (this.shown.some((known) => known.n === cue.n)) return;
    this.shown = [...this.shown, cue].sort((a, b) => a.n - b.n).slice(-kept);
  }
}
