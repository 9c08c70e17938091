/** Who takes part in a lecture: read when the socket says that it has changed, and often enough while somebody speaks. */
import * as api from './api';
import type { PanelAction, PanelPerson, PanelSource } from './api';

/** While there is a panel its levels move; without one there is nothing to see. */
const busy = 1_500;
const idle = 10_000;

export class Panel {
  readonly course: string;
  people = $state.raw<PanelPerson[]>([]);
  you = $state('');
  /** You publish, in this window or another. */
  seated = $state(false);
  error = $state('');
  /** What is under way, as "person action". */
  acting = $state('');
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reading = false;
  private running = false;

  constructor(course: string) {
    this.course = course;
  }

  /** You, as the others see you. */
  mine = $derived(this.people.find((person) => person.person === this.you));

  start(): void {
    this.running = true;
    void this.read();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** The socket says that something is new. */
  hint(): void {
    if (this.running) void this.read();
  }

  private async read(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    clearTimeout(this.timer);
    try {
      this.take(await api.panel(this.course));
    } catch {
      // The next turn reads it.
    } finally {
      this.reading = false;
    }
    if (this.running) this.timer = setTimeout(() => void this.read(), this.people.length > 1 ? busy : idle);
  }

  private take(panel: api.Panel): void {
    this.people = panel.people;
    this.you = panel.you;
    this.seated = panel.seated;
  }

  /** Does something with somebody, or with "me". */
  async act(person: string, action: PanelAction, source?: PanelSource): Promise<boolean> {
    this.acting = `${person} ${action}`;
    this.error = '';
    try {
      await api.panelAct(this.course, person, action, source);
      return true;
    } catch (error) {
      this.error = api.messageOf(error);
      return false;
    } finally {
      this.acting = '';
      void this.read();
    }
  }
}
