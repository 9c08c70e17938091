/** An attendee's place on the panel: devices, sending, hearing the others, and what was decided about them. */
import { panelAct, messageOf } from '../shared/manage';
import { Backstage } from '../shared/backstage';
import { iceServersOf } from '../shared/ice';
import type { PanelMessage } from '../shared/messages';
import { Panel } from '../shared/panel.svelte';
import { Publisher, type PublisherState } from '../shared/whip';
import { openBoth, openScreen, problemOf, type DeviceProblem } from './devices';
import { listen, type Loudness } from './senses';

/** invited: nothing is open. ready: the devices are. joined: sends, or tries to. */
export type SeatPhase = 'invited' | 'ready' | 'joined';

export class Seat {
  readonly panel: Panel;
  phase = $state<SeatPhase>('invited');
  asking = $state(false);
  problem = $state<DeviceProblem | ''>('');
  error = $state('');
  line = $state<PublisherState>('idle');
  level = $state.raw<Loudness>({ rms: -100, peak: -100 });
  video = $state.raw<MediaStreamTrack>();
  screen = $state.raw<MediaStreamTrack>();
  onAir = $state(false);
  muted = $state(false);
  /** Asked to be unmuted. */
  asked = $state(false);

  private audio: MediaStreamTrack | undefined;
  private publisher: Publisher | undefined;
  private backstage: Backstage | undefined;
  private deaf: (() => void) | undefined;
  private readonly course: string;
  private readonly onjoined: (joined: boolean) => void;

  /** `onjoined` is told when the others are heard here, so that the player falls silent, and when no longer. */
  constructor(course: string, onjoined: (joined: boolean) => void) {
    this.course = course;
    this.onjoined = onjoined;
    this.panel = new Panel(course);
  }

  /** The socket says what was decided, or only that something was. */
  hear(message: PanelMessage): void {
    if (message.person) {
      this.onAir = message.on_air ?? false;
      this.muted = message.muted ?? false;
      if (!this.muted) this.asked = false;
    }
    this.panel.hint();
  }

  async allow(): Promise<void> {
    this.asking = true;
    this.problem = '';
    try {
      for (const track of await openBoth()) {
        if (track.kind === 'video') this.video = track;
        else this.audio = track;
      }
      this.deaf?.();
      if (this.audio) this.deaf = listen(this.audio, (loudness) => (this.level = loudness));
      this.phase = 'ready';
    } catch (error) {
      this.problem = problemOf(error);
    } finally {
      this.asking = false;
    }
  }

  join(): void {
    const iceServers = iceServersOf(this.course);
    this.publisher ??= new Publisher({
      url: `/whip/${encodeURIComponent(this.course)}?backstage=1`,
      iceServers,
      occupied: async () => {
        this.panel.hint();
        return this.panel.seated;
      },
      onstate: (state) => (this.line = state),
    });
    this.phase = 'joined';
    this.panel.start();
    this.publisher.start([this.video, this.audio].filter((track): track is MediaStreamTrack => Boolean(track)));
    this.backstage ??= new Backstage({ course: this.course, iceServers });
    this.backstage.start();
    this.onjoined(true);
  }

  async share(): Promise<void> {
    if (this.screen) return this.unshare();
    const track = await openScreen().catch(() => undefined);
    if (!track) return;
    track.onended = () => this.unshare();
    this.screen = track;
    await this.publisher?.share(track);
  }

  private unshare(): void {
    this.screen?.stop();
    this.screen = undefined;
    void this.publisher?.share(undefined);
  }

  async ask(): Promise<void> {
    this.error = '';
    try {
      await panelAct(this.course, 'me', 'ask_unmute');
      this.asked = true;
    } catch (error) {
      this.error = messageOf(error);
    }
  }

  /** Back to the audience, by one's own wish. */
  async leave(): Promise<void> {
    this.close();
    await panelAct(this.course, 'me', 'put_back').catch(() => undefined);
  }

  /** Ends sending and hearing; the devices' lights go out. */
  close(): void {
    this.panel.stop();
    this.publisher?.close();
    this.backstage?.close();
    this.publisher = this.backstage = undefined;
    this.deaf?.();
    for (const track of [this.video, this.audio, this.screen]) track?.stop();
    this.video = this.audio = this.screen = undefined;
    if (this.phase === 'joined') this.onjoined(false);
    this.phase = 'invited';
  }
}
