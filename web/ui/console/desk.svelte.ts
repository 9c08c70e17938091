import { isSignedOut, messageOf, Problem } from '../shared/api';
import type { Course, Question, QuestionAction } from '../shared/api';
import { draftState, drop, keepMine, parseDrafts, textOf, type, type Drafts } from './draft';
import {
  emptyQueue,
  load,
  move,
  open,
  receive,
  release,
  reorder,
  select,
  selected,
  settle,
  type Order,
  type Queue,
  type Tab,
} from './queue';

/** What the desk asks of the server; the page passes shared/api, a test its own server. */
export interface DeskCalls {
  questions(course: string): Promise<Question[]>;
  moderate(
    course: string,
    question: string,
    action: QuestionAction,
    body: { version: number; assignee?: string; text?: string },
  ): Promise<Question>;
}

/** Where drafts and the order of the list outlive a reload: sessionStorage in the page. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** A step of this moderator that can be undone. */
export interface Step {
  readonly id: string;
  readonly did: 'approve' | 'assign' | 'dismiss';
}

/** Somebody else changed the question between reading and acting. */
export interface Clash {
  /** What it is now. */
  readonly current: Question;
  /** It stands elsewhere now; else only its words have changed. */
  readonly moved: boolean;
}

/** Longest question, in characters, as the server takes it (lms.QuestionMax). */
export const mostCharacters = 500;

/** How many steps can be undone. */
const mostSteps = 50;

/**
 * The state of one console: the queue, what was typed, who is chosen to answer, and the steps that can be undone.
 * Each act sends the version it was decided on; a 409 becomes a `clash` and nothing typed is lost.
 */
export class Desk {
  queue = $state.raw<Queue>(emptyQueue());
  drafts = $state.raw<Drafts>({});
  /** False until the first list has come. */
  loaded = $state(false);
  /** Why the list could not be read, fit for the reader. */
  failure = $state<string | null>(null);
  /** Why the last act failed, and for which question. */
  refusal = $state.raw<{ id: string; message: string } | null>(null);
  clashes = $state.raw<Readonly<Record<string, Clash>>>({});
  signedOut = $state(false);
  /** Question that waits for the server's answer. */
  busy = $state<string | null>(null);
  steps = $state.raw<readonly Step[]>([]);
  /** What has just been done, for the polite live region. */
  said = $state.raw<{ what: QuestionAction; name: string } | null>(null);

  /** The presenter who was chosen last; an assigned question shows its own. */
  private chosen = $state<string | null>(null);

  readonly current = $derived(selected(this.queue));
  readonly text = $derived(this.current ? textOf(this.drafts, this.current) : '');
  readonly draft = $derived(this.current ? draftState(this.drafts, this.current) : 'clean');
  readonly clash = $derived(this.current ? (this.clashes[this.current.id] ?? null) : null);

  /** The course as it was read last; its presenters are those who can be chosen. */
  course: Course;

  constructor(
    course: Course,
    private readonly calls: DeskCalls,
    private readonly keep: Keep,
  ) {
    this.course = $state.raw(course);
    this.drafts = parseDrafts(keep.getItem(this.draftKey));
    this.queue = emptyQueue(keep.getItem('lectern.console.order') === 'oldest' ? 'oldest' : 'newest');
  }

  /** Id of the presenter who is to answer: the one chosen last, else the course's first; null when it has none. */
  get presenter(): string | null {
    return this.chosen ?? this.course.presenters[0]?.id ?? null;
  }

  private get draftKey(): string {
    return `lectern.console.drafts.${this.course.id}`;
  }

  /** Reads the whole list; new questions wait behind the bar. Called at the start and after every reconnection. */
  async refresh(): Promise<void> {
    try {
      const questions = await this.calls.questions(this.course.id);
      this.queue = load(this.queue, questions);
      this.loaded = true;
      this.failure = null;
    } catch (error) {
      this.signedOut = isSignedOut(error);
      this.failure = messageOf(error);
    }
  }

  /** Takes a fresher course: its presenters may have changed. */
  see(course: Course): void {
    this.course = course;
  }

  /** Takes a question from the socket. */
  hear(question: Question): void {
    this.queue = receive(this.queue, question);
  }

  openTab(tab: Tab): void {
    this.queue = open(this.queue, tab);
  }

  turn(order: Order): void {
    this.keep.setItem('lectern.console.order', order);
    this.queue = reorder(this.queue, order);
  }

  showNew(): void {
    this.queue = release(this.queue);
  }

  choose(id: string): void {
    this.queue = select(this.queue, id);
  }

  walk(by: 1 | -1): void {
    this.queue = move(this.queue, by);
  }

  /** Chooses who answers, counted from 0 in the order on the page. */
  answerBy(index: number): void {
    const presenter = this.course.presenters[index];
    if (presenter) this.chosen = presenter.id;
  }

  write(text: string): void {
    if (this.current) this.keepDrafts(type(this.drafts, this.current, text));
  }

  /** Gives up what was typed over the current question. */
  discard(): void {
    if (this.current) this.keepDrafts(drop(this.drafts, this.current.id));
  }

  /** Lets the typed text stand over the other moderator's. */
  keepMine(): void {
    if (this.current) this.keepDrafts(keepMine(this.drafts, this.current));
  }

  /** Puts the note about another moderator's change away. */
  understood(): void {
    if (this.current) this.forget(this.current.id);
  }

  /** Sends the typed text. */
  async save(): Promise<boolean> {
    const question = this.current;
    if (!question || this.draft !== 'typed') return this.draft === 'clean';
    const text = textOf(this.drafts, question).trim();
    if (text === '' || charactersOf(text) > mostCharacters) return false;
    if (!(await this.act(question, 'edit', { text }))) return false;
    this.keepDrafts(drop(this.drafts, question.id));
    return true;
  }

  /** Approves without a presenter: any of them may take it. What was typed is sent first. */
  async approve(): Promise<void> {
    if (this.current?.state === 'pending') await this.decide('approve', {});
  }

  /** Approves and hands it to the chosen presenter; on an assigned question, hands it on. */
  async assign(): Promise<void> {
    const { presenter } = this;
    if (!presenter) return this.approve();
    if (this.current && ['pending', 'approved', 'assigned'].includes(this.current.state))
      await this.decide('assign', { assignee: presenter });
  }

  async dismiss(): Promise<void> {
    const question = this.current;
    if (question && ['pending', 'approved', 'assigned'].includes(question.state)) await this.step(question, 'dismiss', {});
  }

  /** Takes the decision on the current question back: to pending, or from answered to those that wait. */
  async restore(): Promise<void> {
    const question = this.current;
    if (question && question.state !== 'pending') await this.act(question, 'restore', {});
  }

  /** Marks what the presenter does, for one who has no studio at hand. */
  async mark(action: 'answering' | 'answered'): Promise<void> {
    if (this.current) await this.act(this.current, action, {});
  }

  /** Puts the question of the last step back to pending. */
  async undo(): Promise<void> {
    const step = this.steps[0];
    if (!step || this.busy) return;
    this.steps = this.steps.slice(1);
    const question = this.queue.all.get(step.id);
    if (question && question.state !== 'pending') await this.act(question, 'restore', {});
  }

  private async decide(action: 'approve' | 'assign', body: { assignee?: string }): Promise<void> {
    if (this.busy || !(await this.save())) return;
    const question = this.current;
    if (question) await this.step(question, action, body);
  }

  private async step(question: Question, did: Step['did'], body: { assignee?: string }): Promise<void> {
    const undoable = question.state === 'pending';
    if ((await this.act(question, did, body)) && undoable)
      this.steps = [{ id: question.id, did }, ...this.steps].slice(0, mostSteps);
  }

  /** One change of one question; true when the server has it. */
  private async act(asked: Question, action: QuestionAction, body: { assignee?: string; text?: string }): Promise<boolean> {
    if (this.busy) return false;
    this.busy = asked.id;
    this.refusal = null;
    this.forget(asked.id);
    try {
      const question = await this.calls.moderate(this.course.id, asked.id, action, { version: asked.version, ...body });
      this.said = { what: action, name: question.assignee?.name ?? '' };
      this.queue = settle(this.queue, question);
      return true;
    } catch (error) {
      this.refuse(asked, error);
      return false;
    } finally {
      this.busy = null;
    }
  }

  private refuse(question: Question, error: unknown): void {
    this.signedOut = isSignedOut(error);
    if (error instanceof Problem && error.status === 409 && error.current) {
      this.queue = receive(this.queue, error.current);
      this.clashes = {
        ...this.clashes,
        [question.id]: { current: error.current, moved: error.current.state !== question.state },
      };
      return;
    }
    this.refusal = { id: question.id, message: messageOf(error) };
  }

  private forget(id: string): void {
    if (id in this.clashes) this.clashes = Object.fromEntries(Object.entries(this.clashes).filter(([each]) => each !== id));
  }

  private keepDrafts(drafts: Drafts): void {
    this.drafts = drafts;
    this.keep.setItem(this.draftKey, JSON.stringify(drafts));
  }
}

/** Characters as the server counts them: code points, so that an emoji is one. */
export function charactersOf(text: string): number {
  return [...text].length;
}
