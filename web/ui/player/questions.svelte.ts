/** The questions of a lecture as an attendee sees them, and the one being typed, which survives an error and a reload. */
import * as api from '../shared/api';
import type { Question } from '../shared/api';

/** Steps a question of mine passes; `on_air` is the last step under way. */
export type Step = 'received' | 'shown' | 'next' | 'on_air' | 'answered';

/** The step of a question, whatever the reader's role calls it. A dismissed one stays "received": nobody is told no. */
export function stepOf(question: Question): Step {
  switch (question.state) {
    case 'shown':
    case 'approved':
      return 'shown';
    case 'next':
    case 'assigned':
      return 'next';
    case 'on_air':
      return 'on_air';
    case 'answered':
    case 'answered_live':
      return 'answered';
    default:
      return 'received';
  }
}

/** Being answered first, then next, then the others by age (newest first), answered ones last in the order of their answers. */
export function inOrder(questions: readonly Question[]): Question[] {
  const rank: Record<Step, number> = { on_air: 0, next: 1, shown: 2, received: 2, answered: 3 };
  return [...questions].sort((a, b) => {
    const step = rank[stepOf(a)] - rank[stepOf(b)];
    if (step !== 0) return step;
    if (stepOf(a) === 'answered') return (a.answered_ms ?? 0) - (b.answered_ms ?? 0);
    return b.asked_at.localeCompare(a.asked_at);
  });
}

/** Takes a newer version of a question into a list; an older one changes nothing. */
export function merge(list: readonly Question[], question: Question): Question[] {
  const at = list.findIndex((known) => known.id === question.id);
  if (at < 0) return [...list, question];
  const known = list[at]!;
  if (known.version > question.version) return [...list];
  // The socket's view may be the one for everybody; that it is mine I know from before.
  const merged = { ...question, mine: question.mine || known.mine };
  return list.map((item, index) => (index === at ? merged : item));
}

export class Questions {
  list = $state.raw<Question[]>([]);
  text = $state('');
  hideName = $state(false);
  sending = $state(false);
  error = $state('');
  private readonly course: string;
  private readonly draftKey: string;

  constructor(course: string) {
    this.course = course;
    this.draftKey = `lectern.question.${course}`;
    try {
      this.text = sessionStorage.getItem(this.draftKey) ?? '';
    } catch {
      // No storage: the text lives as long as the page.
    }
  }

  mine = $derived(inOrder(this.list.filter((question) => question.mine)));
  /** What everybody sees. */
  others = $derived(inOrder(this.list.filter((question) => !question.mine && stepOf(question) !== 'received')));

  /** Reads the list again; a hint from the socket may have been missed. */
  async load(): Promise<void> {
    try {
      const before = this.list;
      const fresh = await api.questions(this.course);
      const since = this.list.filter((question) => !before.some((known) => known.id === question.id));
      // What the moderators took back is gone; what came in while we were reading stays.
      const newest = fresh.map((question) => merge(this.list, question).find((item) => item.id === question.id) ?? question);
      this.list = [...newest, ...since.filter((question) => !newest.some((item) => item.id === question.id))];
    } catch {
      // The next welcome reads it again; the page says elsewhere that the connection is lost.
    }
  }

  take(question: Question): void {
    this.list = merge(this.list, question);
  }

  typed(text: string): void {
    this.text = text;
    try {
      if (text) sessionStorage.setItem(this.draftKey, text);
      else sessionStorage.removeItem(this.draftKey);
    } catch {
      // No storage: see above.
    }
  }

  /** True when the server has it; else `error` says why and the text stays. */
  async send(): Promise<boolean> {
    const text = this.text.trim();
    if (!text || this.sending) return false;
    this.sending = true;
    this.error = '';
    try {
      this.take({ ...(await api.ask(this.course, text, this.hideName)), mine: true });
      this.typed('');
      return true;
    } catch (error) {
      this.error = api.messageOf(error);
      return false;
    } finally {
      this.sending = false;
    }
  }
}
