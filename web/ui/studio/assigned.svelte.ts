/** The questions which the moderators gave to this presenter. */
import * as api from '../shared/manage';
import { Problem, type Question } from '../shared/manage';

/** The one being answered first, then in the order in which they were asked. */
export function inOrder(questions: readonly Question[]): Question[] {
  const now = (question: Question) => (question.state === 'on_air' ? 0 : 1);
  return [...questions].sort((a, b) => now(a) - now(b) || a.asked_at.localeCompare(b.asked_at));
}

export class Assigned {
  /** The presenter's person id. */
  me = '';
  list = $state.raw<Question[]>([]);
  /** Id of the question whose change is on its way. */
  changing = $state('');
  error = $state('');
  answered = $state(0);
  /** The newest question, for a screen reader. */
  news = $state('');
  private since = $state.raw<Record<string, number>>({});
  private readonly course: string;

  constructor(course: string) {
    this.course = course;
  }

  async load(): Promise<void> {
    try {
      for (const question of await api.questions(this.course)) this.take(question);
    } catch {
      // The next welcome reads them again.
    }
  }

  /** Takes a newer version of a question; one that is answered or given to somebody else leaves the list. */
  take(question: Question): void {
    const known = this.list.find((item) => item.id === question.id);
    if (known && known.version > question.version) return;
    const mine = question.assignee?.id === this.me && (question.state === 'assigned' || question.state === 'on_air');
    const rest = this.list.filter((item) => item.id !== question.id);
    if (known && question.state === 'answered_live') this.answered++;
    if (mine && !known) this.news = question.text;
    if (mine && question.state === 'on_air' && known?.state !== 'on_air')
      this.since = { ...this.since, [question.id]: performance.now() };
    this.list = inOrder(mine ? [...rest, question] : rest);
  }

  /** When this page learned that a question is being answered, as performance.now(). */
  startedAt(id: string): number | undefined {
    return this.since[id];
  }

  /** Begins or ends answering. Another person's change in between is shown instead of overwritten. */
  async change(question: Question, action: 'answering' | 'answered'): Promise<void> {
    if (this.changing) return;
    this.changing = question.id;
    this.error = '';
    try {
      this.take(await api.moderate(this.course, question.id, action, { version: question.version }));
    } catch (error) {
      if (error instanceof Problem && error.current) this.take(error.current);
      else this.error = api.messageOf(error);
    } finally {
      this.changing = '';
    }
  }
}
