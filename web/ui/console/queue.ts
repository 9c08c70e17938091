/**
 * The moderator's queue, as pure functions over one value.
 *
 * The rule of this file: what a moderator looks at never moves by itself. A question that arrives waits behind
 * "n new" until the moderator asks for it, a question that somebody else settles stays in its place, greyed, until
 * then; only the moderator's own act takes a row away, and then the next row is under the hand.
 */
import type { Question, QuestionState } from '../shared/api';

/** The four lists a question can stand in. */
export const tabs = ['pending', 'assigned', 'answered', 'dismissed'] as const;
export type Tab = (typeof tabs)[number];

/** Which end of the list is read first. */
export type Order = 'newest' | 'oldest';

/** Everything the left column needs. Never changed in place. */
export interface Queue {
  readonly all: ReadonlyMap<string, Question>;
  readonly tab: Tab;
  readonly order: Order;
  /** Ids in the order in which they are drawn; changes only by an act of the moderator. */
  readonly shown: readonly string[];
  /** The question in the middle column. */
  readonly selected: string | null;
}

/** Approved questions stand with the assigned ones: they are public and wait for a presenter. */
const tabOf: Partial<Record<QuestionState, Tab>> = {
  pending: 'pending',
  approved: 'assigned',
  assigned: 'assigned',
  on_air: 'assigned',
  answered_live: 'answered',
  dismissed: 'dismissed',
};

/** The list in which a question stands now. */
export function tabFor(question: Question): Tab {
  return tabOf[question.state] ?? 'pending';
}

/** A queue before the first answer of the server. */
export function emptyQueue(order: Order = 'newest'): Queue {
  return { all: new Map(), tab: 'pending', order, shown: [], selected: null };
}

/** Takes the server's full list. In an empty list it is shown whole, because nothing can jump there; else new ones wait. */
export function load(queue: Queue, questions: readonly Question[]): Queue {
  const next = questions.reduce(learn, queue);
  return next !== queue && queue.shown.length === 0 ? release(next) : next;
}

/** Takes one question from the socket or an answer; an older version than the known one changes nothing. */
export function receive(queue: Queue, question: Question): Queue {
  return load(queue, [question]);
}

function learn(queue: Queue, question: Question): Queue {
  const known = queue.all.get(question.id);
  if (known && known.version >= question.version) return queue;
  const all = new Map(queue.all);
  all.set(question.id, question);
  return { ...queue, all };
}

/** Draws the list anew: what waited comes in, what others settled goes. */
export function release(queue: Queue): Queue {
  const shown = members(queue);
  const selected = queue.selected && shown.includes(queue.selected) ? queue.selected : near(queue, shown);
  return { ...queue, shown, selected };
}

/** Opens another list, with its first question under the hand. */
export function open(queue: Queue, tab: Tab): Queue {
  return tab === queue.tab ? queue : release({ ...queue, tab, shown: [], selected: null });
}

/** Turns the list round; the selected question stays selected. */
export function reorder(queue: Queue, order: Order): Queue {
  return release({ ...queue, order });
}

/** Puts one shown question in the middle. */
export function select(queue: Queue, id: string): Queue {
  return queue.shown.includes(id) ? { ...queue, selected: id } : queue;
}

/** Goes up or down the list and stops at its ends. */
export function move(queue: Queue, by: 1 | -1): Queue {
  if (queue.shown.length === 0) return queue;
  const at = queue.selected ? queue.shown.indexOf(queue.selected) : -1;
  const to = Math.min(Math.max(at + by, 0), queue.shown.length - 1);
  return { ...queue, selected: queue.shown[to] ?? null };
}

/**
 * Takes the server's answer to the moderator's own act. A question that left the list leaves the screen at once, and
 * the next one comes under the hand; one that came back (undo) returns to its place.
 */
export function settle(queue: Queue, question: Question): Queue {
  const next = learn(queue, question);
  const stays = tabFor(question) === next.tab;
  const at = next.shown.indexOf(question.id);
  if (stays && at >= 0) return next;
  if (stays) return { ...next, shown: insert(next, question), selected: question.id };
  if (at < 0) return next;
  const shown = next.shown.filter((id) => id !== question.id);
  if (next.selected !== question.id) return { ...next, shown };
  return refill({ ...next, shown, selected: shown[at] ?? shown[at - 1] ?? null });
}

/**
 * When the moderator has settled the last row, what waits comes in at once. It is not selected, so that a key meant for
 * the row before does not fall on one that nobody has read.
 */
function refill(queue: Queue): Queue {
  return queue.shown.length === 0 && waiting(queue) > 0 ? { ...release(queue), selected: null } : queue;
}

/** One drawn row. `gone` says that somebody else moved it to another list meanwhile. */
export interface Row {
  readonly question: Question;
  readonly gone: boolean;
}

/** The rows to draw, in order. */
export function rows(queue: Queue): Row[] {
  return queue.shown.flatMap((id) => {
    const question = queue.all.get(id);
    return question ? [{ question, gone: tabFor(question) !== queue.tab }] : [];
  });
}

/** The question in the middle column. */
export function selected(queue: Queue): Question | null {
  return (queue.selected && queue.all.get(queue.selected)) || null;
}

/** How many questions of this list wait to be drawn. */
export function waiting(queue: Queue): number {
  const drawn = new Set(queue.shown);
  return members(queue).filter((id) => !drawn.has(id)).length;
}

/** How many questions stand in each list. */
export function counts(queue: Queue): Record<Tab, number> {
  const sum: Record<Tab, number> = { pending: 0, assigned: 0, answered: 0, dismissed: 0 };
  for (const question of queue.all.values()) sum[tabFor(question)]++;
  return sum;
}

/** What the presenters have: the question on air first, then the assigned ones, then those open to any of them. */
export function onTheTable(queue: Queue): Question[] {
  const rank: Partial<Record<QuestionState, number>> = { on_air: 0, assigned: 1, approved: 2 };
  return [...queue.all.values()]
    .filter((question) => question.state in rank)
    .sort((a, b) => (rank[a.state] ?? 0) - (rank[b.state] ?? 0) || earlier(a, b));
}

/** How many questions one presenter still has to answer. */
export function openFor(queue: Queue, presenter: string): number {
  let sum = 0;
  for (const { assignee, state } of queue.all.values()) {
    if (assignee?.id === presenter && (state === 'assigned' || state === 'on_air')) sum++;
  }
  return sum;
}

function members(queue: Queue): string[] {
  const list = [...queue.all.values()].filter((question) => tabFor(question) === queue.tab).sort(earlier);
  if (queue.order === 'newest') list.reverse();
  return list.map((question) => question.id);
}

/** By server time; the id decides between two questions of the same millisecond, so that every desk agrees. */
function earlier(a: Question, b: Question): number {
  return Date.parse(a.asked_at) - Date.parse(b.asked_at) || (a.id < b.id ? -1 : 1);
}

function insert(queue: Queue, question: Question): string[] {
  const keep = new Set([...queue.shown, question.id]);
  const ordered = members(queue).filter((id) => keep.has(id));
  // Rows that others settled are no members any more, but they hold their places until the list is drawn anew.
  queue.shown.forEach((id, at) => {
    if (!ordered.includes(id)) ordered.splice(at, 0, id);
  });
  return ordered;
}

/** The row that takes the place of a selected one which left: the next that still stands, else the one before. */
function near(queue: Queue, shown: readonly string[]): string | null {
  const at = queue.selected ? queue.shown.indexOf(queue.selected) : -1;
  if (at < 0) return shown[0] ?? null;
  const after = queue.shown.slice(at).find((id) => shown.includes(id));
  const before = queue.shown
    .slice(0, at)
    .reverse()
    .find((id) => shown.includes(id));
  return after ?? before ?? shown[0] ?? null;
}
