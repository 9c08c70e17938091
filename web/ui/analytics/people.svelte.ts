import { Problem } from '../shared/api';
import type { AnalyticsPage, AnalyticsPerson } from '../shared/api';

/** One page of people, from shared/api in the page and from a list in a test. */
export type ReadPeople = (after: string, limit: number) => Promise<AnalyticsPage>;

/** People per page. */
const page = 50;

/** Longest page the server gives: a refresh reads at most this many of the people shown so far in one call. */
const longest = 200;

/** The table of people: read page by page, refreshed in place while the lecture runs. */
export class PeopleList {
  people = $state.raw<readonly AnalyticsPerson[]>([]);
  /** `hidden` when the reader may see figures but no names. */
  state = $state<'loading' | 'some' | 'hidden'>('loading');
  /** The last read failed; the people shown are those of the one before. */
  failed = $state(false);
  busy = $state(false);
  private after = $state('');

  constructor(private readonly read: ReadPeople) {}

  /** Whether there are people beyond those shown. */
  get more(): boolean {
    return this.after !== '';
  }

  /** Reads what is shown again, in order. */
  async refresh(): Promise<void> {
    const shown = Math.max(page, this.people.length);
    await this.guarded(async () => {
      const fresh: AnalyticsPerson[] = [];
      let after = '';
      do {
        const answer = await this.read(after, Math.min(longest, shown - fresh.length));
        fresh.push(...answer.people);
        after = answer.next ?? '';
        if (answer.people.length === 0) break;
      } while (after && fresh.length < shown);
      this.people = fresh;
      this.after = after;
    });
  }

  /** Reads one page more. */
  async next(): Promise<void> {
    if (!this.more) return;
    await this.guarded(async () => {
      const answer = await this.read(this.after, page);
      const fresh = answer.people.filter(({ id }) => !this.people.some((person) => person.id === id));
      this.people = [...this.people, ...fresh];
      this.after = answer.next ?? '';
    });
  }

  private async guarded(reading: () => Promise<void>): Promise<void> {
    if (this.busy || this.state === 'hidden') return;
    this.busy = true;
    try {
      await reading();
      this.state = 'some';
      this.failed = false;
    } catch (error) {
      if (error instanceof Problem && error.status === 403) this.state = 'hidden';
      else [this.state, this.failed] = ['some', true];
    } finally {
      this.busy = false;
    }
  }
}
