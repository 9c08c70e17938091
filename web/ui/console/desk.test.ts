import { describe, expect, it } from 'vitest';
import { Problem } from '../shared/api';
import type { Course, Question, QuestionAction } from '../shared/api';
import { Desk, type DeskCalls } from './desk.svelte';
import { counts, rows } from './queue';

const presenters = [
  { id: 'p1', name: 'Dr Rao' },
  { id: 'p2', name: 'Dr Okoye' },
];
const course = { id: 'c1', presenters } as unknown as Course;

/** A server that keeps questions in memory and holds to versions, as the real one does. */
class Server implements DeskCalls {
  readonly all = new Map<string, Question>();
  readonly asked: string[] = [];
  down = false;

  add(id: string, second: number): this {
    const asked_at = new Date(Date.UTC(2026, 10, 22, 14, 0, second)).toISOString();
    const base = {
      asked_ms: second * 1000,
      asked_at,
      asker: null,
      mine: false,
      assignee: null,
      answered_ms: null,
      edited: false,
    };
    this.all.set(id, { id, version: 1, state: 'pending', text: `Text of ${id}`, ...base });
    return this;
  }

  /** Another moderator's change, of which the desk under test hears nothing yet. */
  meanwhile(id: string, change: Partial<Question>): Question {
    const before = this.all.get(id)!;
    const after = { ...before, ...change, version: before.version + 1 };
    this.all.set(id, after);
    return after;
  }

  async questions(): Promise<Question[]> {
    if (this.down) throw new Problem(0, 'network', 'We cannot reach the server.');
    return [...this.all.values()];
  }

  async moderate(
    _course: string,
    id: string,
    action: QuestionAction,
    body: { version: number; assignee?: string; text?: string },
  ): Promise<Question> {
    this.asked.push(action);
    if (this.down) throw new Problem(0, 'network', 'We cannot reach the server.');
    const current = this.all.get(id)!;
    if (current.version !== body.version) throw new Problem(409, 'conflict', 'Changed.', { current });
    switch (action) {
      case 'approve':
        return this.meanwhile(id, { state: 'approved' });
      case 'assign':
        return this.meanwhile(id, { state: 'assigned', assignee: presenters.find((each) => each.id === body.assignee)! });
      case 'dismiss':
        return this.meanwhile(id, { state: 'dismissed' });
      case 'restore':
        return this.meanwhile(id, { state: 'pending', assignee: null });
      case 'edit':
        return this.meanwhile(id, { text: body.text!, edited: true, original_text: current.text });
      default:
        return this.meanwhile(id, { state: action === 'answering' ? 'on_air' : 'answered_live' });
    }
  }
}

class Memory {
  readonly kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
}

async function desk(keep = new Memory()) {
  const server = new Server().add('q1', 1).add('q2', 2).add('q3', 3);
  const made = new Desk(course, server, keep);
  await made.refresh();
  return { server, keep, desk: made };
}

describe('deciding', () => {
  it('approves and assigns to the first presenter, or the one chosen', async () => {
    const { server, desk: d } = await desk();
    await d.assign();
    expect(server.all.get('q3')).toMatchObject({ state: 'assigned', assignee: { id: 'p1' } });
    d.answerBy(1);
    d.answerBy(7);
    await d.assign();
    expect(server.all.get('q2')).toMatchObject({ state: 'assigned', assignee: { id: 'p2' } });
    expect(d.said).toEqual({ what: 'assign', name: 'Dr Okoye' });
    expect(d.current?.id).toBe('q1');
  });

  it('sends what was typed before the decision, each with the version it was made on', async () => {
    const { server, desk: d } = await desk();
    d.write('  Shorter. ');
    await d.assign();
    expect(server.asked).toEqual(['edit', 'assign']);
    expect(server.all.get('q3')).toMatchObject({ text: 'Shorter.', original_text: 'Text of q3', state: 'assigned' });
    expect(d.drafts).toEqual({});
  });

  it('sends nothing while the typed text cannot be a question', async () => {
    const { server, desk: d } = await desk();
    d.write('   ');
    await d.assign();
    d.write('x'.repeat(501));
    await d.assign();
    expect(server.asked).toEqual([]);
  });

  it('takes an assignment and a dismissal back, each at once', async () => {
    const { server, desk: d } = await desk();
    await d.assign();
    await d.dismiss();
    expect(d.steps.map((step) => step.did)).toEqual(['dismiss', 'assign']);
    await d.undo();
    expect(d.current?.id).toBe('q2');
    await d.undo();
    expect(server.asked).toEqual(['assign', 'dismiss', 'restore', 'restore']);
    expect(rows(d.queue).map((row) => row.question.id)).toEqual(['q3', 'q2', 'q1']);
    await d.undo();
    expect(server.asked).toHaveLength(4);
  });

  it('marks answers for a presenter without a studio', async () => {
    const { desk: d } = await desk();
    await d.approve();
    d.openTab('assigned');
    await d.mark('answering');
    expect(d.current?.state).toBe('on_air');
    await d.mark('answered');
    expect(counts(d.queue).answered).toBe(1);
  });
});

describe('another moderator', () => {
  it('shows what the question is now and keeps what was typed', async () => {
    const { server, desk: d } = await desk();
    d.write('My words');
    server.meanwhile('q3', { state: 'assigned', assignee: presenters[1]! });
    await d.assign();
    expect(d.clash).toMatchObject({ moved: true, current: { state: 'assigned', version: 2 } });
    expect(d.text).toBe('My words');
    expect(d.steps).toEqual([]);
    d.understood();
    expect(d.clash).toBeNull();
  });

  it('sets the two texts side by side until one is chosen', async () => {
    const { server, desk: d } = await desk();
    d.write('My words');
    d.hear(server.meanwhile('q3', { text: 'Their words' }));
    expect(d.draft).toBe('conflict');
    await d.assign();
    expect(server.asked).toEqual([]);
    d.keepMine();
    await d.assign();
    expect(server.all.get('q3')).toMatchObject({ text: 'My words', state: 'assigned' });
  });
});

describe('news', () => {
  it('that arrives while an act is under way takes nothing back', async () => {
    const { server, desk: d } = await desk();
    const reading = server.questions();
    let answer: (list: Question[]) => void = () => undefined;
    server.questions = () => new Promise((resolve) => (answer = resolve));
    const refresh = d.refresh();
    await d.assign();
    answer(await reading);
    await refresh;
    expect(rows(d.queue).map((row) => row.question.id)).toEqual(['q2', 'q1']);
    expect(d.current?.id).toBe('q2');
  });

  it('of the own act that comes by the socket before the answer is no news', async () => {
    const { server, desk: d } = await desk();
    const moderate = server.moderate.bind(server);
    server.moderate = async (...args) => {
      const question = await moderate(...args);
      d.hear(question);
      return question;
    };
    await d.dismiss();
    expect(rows(d.queue).map((row) => row.question.id)).toEqual(['q2', 'q1']);
    expect(rows(d.queue).some((row) => row.gone)).toBe(false);
  });
});

describe('failures', () => {
  it('keep the text, the place and the reason', async () => {
    const { server, desk: d } = await desk();
    server.down = true;
    d.write('My words');
    await d.assign();
    expect(d.refusal).toEqual({ id: 'q3', message: 'We cannot reach the server.' });
    expect(d.text).toBe('My words');
    expect(d.current?.id).toBe('q3');
    server.down = false;
    await d.assign();
    expect(d.refusal).toBeNull();
    expect(server.all.get('q3')?.text).toBe('My words');
  });

  it('say why the list cannot be read and go on with the one they have', async () => {
    const { server, desk: d } = await desk();
    server.down = true;
    await d.refresh();
    expect(d.failure).toBe('We cannot reach the server.');
    expect(rows(d.queue)).toHaveLength(3);
    server.down = false;
    await d.refresh();
    expect(d.failure).toBeNull();
  });

  it('outlive a reload', async () => {
    const { desk: d, keep } = await desk();
    d.write('Half a sent');
    d.turn('oldest');
    const { desk: again } = await desk(keep);
    expect(rows(again.queue).map((row) => row.question.id)).toEqual(['q1', 'q2', 'q3']);
    again.choose('q3');
    expect(again.text).toBe('Half a sent');
  });

  it('do one thing at a time', async () => {
    const { server, desk: d } = await desk();
    await Promise.all([d.dismiss(), d.dismiss()]);
    expect(server.asked).toEqual(['dismiss']);
  });
});
