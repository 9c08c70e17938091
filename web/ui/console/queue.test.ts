import { describe, expect, it } from 'vitest';
import type { Question, QuestionState } from '../shared/api';
import {
  counts,
  emptyQueue,
  load,
  move,
  onTheTable,
  open,
  openFor,
  receive,
  release,
  reorder,
  rows,
  select,
  selected,
  settle,
  waiting,
} from './queue';

/** The nth question of the lecture, asked at its nth second. */
function question(n: number, state: QuestionState = 'pending', version = 1, more: Partial<Question> = {}): Question {
  return {
    id: `q${String(n).padStart(3, '0')}`,
    version,
    state,
    text: `Question ${n}`,
    asked_ms: n * 1000,
    asked_at: new Date(Date.UTC(2026, 10, 22, 14, 0, n)).toISOString(),
    asker: { name: 'Dr Rao', country: 'IN' },
    mine: false,
    assignee: null,
    answered_ms: null,
    edited: false,
    ...more,
  };
}

const ids = (queue: ReturnType<typeof emptyQueue>) => rows(queue).map((row) => row.question.id);

describe('what is drawn', () => {
  it('shows the first list whole, newest first, with the first question under the hand', () => {
    const queue = load(emptyQueue(), [question(1), question(3), question(2), question(4, 'dismissed')]);
    expect(ids(queue)).toEqual(['q003', 'q002', 'q001']);
    expect(selected(queue)?.id).toBe('q003');
    expect(counts(queue)).toEqual({ pending: 3, assigned: 0, answered: 0, dismissed: 1 });
  });

  it('shows the first question of an empty list at once', () => {
    let queue = receive(emptyQueue(), question(1));
    expect(ids(queue)).toEqual(['q001']);
    expect(selected(queue)?.id).toBe('q001');
    queue = receive(queue, question(2));
    expect(ids(queue)).toEqual(['q001']);
    expect(waiting(queue)).toBe(1);
  });

  it('holds new questions back until they are asked for', () => {
    let queue = load(emptyQueue(), [question(1), question(2)]);
    queue = select(queue, 'q001');
    queue = receive(queue, question(3));
    queue = receive(queue, question(4));
    expect(ids(queue)).toEqual(['q002', 'q001']);
    expect(waiting(queue)).toBe(2);
    queue = release(queue);
    expect(ids(queue)).toEqual(['q004', 'q003', 'q002', 'q001']);
    expect(selected(queue)?.id).toBe('q001');
    expect(waiting(queue)).toBe(0);
  });

  it('leaves a row in its place when another moderator settles it, and says so', () => {
    let queue = load(emptyQueue(), [question(1), question(2), question(3)]);
    queue = receive(queue, question(2, 'dismissed', 2));
    expect(rows(queue).map((row) => row.gone)).toEqual([false, true, false]);
    expect(counts(queue).pending).toBe(2);
    expect(ids(release(queue))).toEqual(['q003', 'q001']);
  });

  it('ignores a version it has already seen', () => {
    let queue = load(emptyQueue(), [question(1, 'assigned', 4)]);
    const before = queue;
    queue = receive(queue, question(1, 'pending', 3));
    expect(queue).toBe(before);
  });

  it('adds nothing by itself when the full list is fetched again', () => {
    let queue = load(emptyQueue(), [question(1)]);
    queue = load(queue, [question(1), question(2)]);
    expect(ids(queue)).toEqual(['q001']);
    expect(waiting(queue)).toBe(1);
  });

  it('lets what waits in when the last row was settled, without putting it under the hand', () => {
    let queue = receive(load(emptyQueue(), [question(1)]), question(2));
    queue = settle(queue, question(1, 'dismissed', 2));
    expect([ids(queue), selected(queue), waiting(queue)]).toEqual([['q002'], null, 0]);
    expect(selected(move(queue, 1))?.id).toBe('q002');
  });

  it('opens another list and turns it round', () => {
    let queue = load(emptyQueue(), [question(1), question(2, 'approved'), question(3, 'on_air'), question(4, 'assigned')]);
    queue = open(queue, 'assigned');
    expect(ids(queue)).toEqual(['q004', 'q003', 'q002']);
    queue = reorder(select(queue, 'q003'), 'oldest');
    expect(ids(queue)).toEqual(['q002', 'q003', 'q004']);
    expect(selected(queue)?.id).toBe('q003');
  });
});

describe('the hand', () => {
  it('stops at both ends', () => {
    let queue = load(emptyQueue(), [question(1), question(2)]);
    queue = move(queue, -1);
    expect(selected(queue)?.id).toBe('q002');
    queue = move(move(queue, 1), 1);
    expect(selected(queue)?.id).toBe('q001');
  });

  it('does nothing in an empty list', () => {
    expect(move(emptyQueue(), 1)).toEqual(emptyQueue());
  });

  it('gets the next question when the selected one is settled, and the one before at the end', () => {
    let queue = load(emptyQueue(), [question(1), question(2), question(3)]);
    queue = settle(select(queue, 'q002'), question(2, 'assigned', 2));
    expect(ids(queue)).toEqual(['q003', 'q001']);
    expect(selected(queue)?.id).toBe('q001');
    queue = settle(queue, question(1, 'dismissed', 2));
    expect(selected(queue)?.id).toBe('q003');
    queue = settle(queue, question(3, 'dismissed', 2));
    expect(selected(queue)).toBeNull();
  });

  it('keeps the selection when another row is settled', () => {
    let queue = load(emptyQueue(), [question(1), question(2), question(3)]);
    queue = settle(queue, question(1, 'dismissed', 2));
    expect(selected(queue)?.id).toBe('q003');
  });

  it('does not let waiting questions in when its own act removes a row', () => {
    let queue = load(emptyQueue(), [question(1), question(2)]);
    queue = receive(queue, question(3));
    queue = settle(queue, question(2, 'dismissed', 2));
    expect(ids(queue)).toEqual(['q001']);
    expect(waiting(queue)).toBe(1);
  });

  it('puts an undone question back in its place, beside the rows that others settled', () => {
    let queue = load(emptyQueue(), [question(1), question(2), question(3), question(4)]);
    queue = settle(select(queue, 'q002'), question(2, 'dismissed', 2));
    queue = receive(queue, question(4, 'assigned', 2));
    queue = settle(queue, question(2, 'pending', 3));
    expect(ids(queue)).toEqual(['q004', 'q003', 'q002', 'q001']);
    expect(selected(queue)?.id).toBe('q002');
  });

  it('moves to the next row that still stands when the selected one went with the redraw', () => {
    let queue = load(emptyQueue(), [question(1), question(2), question(3)]);
    queue = receive(select(queue, 'q002'), question(2, 'dismissed', 2));
    expect(selected(release(queue))?.id).toBe('q001');
  });
});

describe('what the presenters have', () => {
  it('is the question on air, then the assigned ones, then the open ones, in the order asked', () => {
    const rao = { id: 'p1', name: 'Dr Rao' };
    const queue = load(emptyQueue(), [
      question(1, 'approved'),
      question(2, 'assigned', 1, { assignee: rao }),
      question(3, 'on_air', 1, { assignee: rao }),
      question(4, 'answered_live', 1, { assignee: rao }),
      question(5),
    ]);
    expect(onTheTable(queue).map((each) => each.id)).toEqual(['q003', 'q002', 'q001']);
    expect(openFor(queue, 'p1')).toBe(2);
    expect(openFor(queue, 'p2')).toBe(0);
  });
});
