import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem, type Ack, type Report } from './api';
import type { BroadcastMessage, ErrorMessage, Welcome } from './messages';
import { Socket, type Line, type SocketState } from './socket';

/** A line to a server that the test plays. */
class FakeLine implements Line {
  static all: FakeLine[] = [];
  static get last(): FakeLine {
    return FakeLine.all[FakeLine.all.length - 1]!;
  }
  onopen: Line['onopen'] = null;
  onmessage: Line['onmessage'] = null;
  onclose: Line['onclose'] = null;
  sent: { type: string; data: Record<string, unknown> }[] = [];
  closed = false;

  constructor(
    readonly url: string,
    readonly subprotocol: string,
  ) {
    FakeLine.all.push(this);
  }
  send(text: unknown): void {
    this.sent.push(JSON.parse(String(text)) as FakeLine['sent'][number]);
  }
  close(): void {
    this.closed = true;
  }
  opens(): void {
    this.onopen?.call(this as never, {} as Event);
  }
  says(type: string, data: object): void {
    this.onmessage?.call(this as never, { data: JSON.stringify({ type, data }) } as MessageEvent);
  }
  ends(code: number): void {
    this.onclose?.call(this as never, { code } as CloseEvent);
  }
  /** The sequence numbers of the reports that were sent. */
  get seqs(): unknown[] {
    return this.sent.filter((frame) => frame.type === 'report').map((frame) => frame.data['seq']);
  }
}

const epoch = 1_795_400_000_000;
const serverTime = () => epoch + performance.now();
const live = (more: Partial<BroadcastMessage> = {}): BroadcastMessage => ({
  id: 'b',
  state: 'live',
  timeline_ms: 60_000,
  presenter: 'connected',
  server_time: serverTime(),
  ...more,
});
const report = (seq: number, player = 'player-1'): Report => ({
  player,
  seq,
  broadcast: 'b',
  spans: [],
  position_ms: 0,
  rate: 1,
  muted: false,
  visible: true,
});
const ack = (seq: number): Ack => ({ player: 'player-1', seq, watched_s: 10, share: 0.1, position_ms: 0, refused_s: 0 });

let socket: Socket;
let states: SocketState[];
let welcomes: Welcome[];
let resyncs: number;
let broadcasts: BroadcastMessage[];
let viewers: number[];
let acks: number[];
let refused: [number, string][];
let tickets: number;
let denial: Error | undefined;

function make(): Socket {
  return new Socket({
    course: 'c',
    random: () => 0,
    ticket: () => {
      tickets++;
      return denial ? Promise.reject(denial) : Promise.resolve({ ticket: `t${tickets}`, socket: '/socket' });
    },
    open: (url, subprotocol) => new FakeLine(url, subprotocol),
    on: {
      state: (state) => states.push(state),
      welcome: (welcome) => welcomes.push(welcome),
      resync: () => resyncs++,
      broadcast: (broadcast) => broadcasts.push(broadcast),
      viewers: (n) => viewers.push(n),
      ack: ({ seq }) => acks.push(seq),
      refused: ({ seq }, why: ErrorMessage) => refused.push([seq, why.code]),
    },
  });
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Answers the newest line. */
async function welcome(broadcast: BroadcastMessage | null = live()): Promise<FakeLine> {
  await pass(0);
  FakeLine.last.opens();
  FakeLine.last.says('welcome', {
    room: 'c',
    person: 'p',
    roles: ['attendee'],
    viewers: 3,
    broadcast,
    epoch: 'K7Q2',
    offset: 5,
    resumed: false,
    server_time: serverTime(),
  });
  return FakeLine.last;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeLine.all = [];
  states = [];
  welcomes = [];
  resyncs = 0;
  broadcasts = [];
  viewers = [];
  acks = [];
  refused = [];
  tickets = 0;
  denial = undefined;
  socket = make();
});
afterEach(() => {
  socket.stop();
  vi.useRealTimers();
});

describe('connecting', () => {
  it('says hello with its ticket and hands on what it is told', async () => {
    socket.start();
    const line = await welcome();
    expect(line).toMatchObject({ url: '/socket', subprotocol: 'lectern.v1' });
    expect(line.sent).toEqual([{ type: 'hello', data: { ticket: 't1' } }]);
    line.says('presence', { viewers: 4 });
    expect(states).toEqual(['connecting', 'open']);
    expect(welcomes).toHaveLength(1);
    expect(viewers).toEqual([3, 4]);
  });

  it('comes back quickly while live, with a new ticket each time', async () => {
    socket.start();
    (await welcome()).ends(1006);
    const pauses = [];
    for (let i = 0; i < 5; i++) {
      const before = performance.now();
      await vi.advanceTimersToNextTimerAsync();
      pauses.push(performance.now() - before);
      FakeLine.last.ends(1006);
    }
    expect(pauses).toEqual([250, 500, 1000, 1000, 1000]);
    expect(tickets).toBe(6);
    expect(states).toEqual(['connecting', 'open', 'down']);
    await pass(1000);
    await welcome();
    expect(states).toEqual(['connecting', 'open', 'down', 'open']);
  });

  it.each([
    ['before the lecture', null],
    ['after it', live({ state: 'ended' })],
  ])('takes its time %s', async (_, broadcast) => {
    socket.start();
    (await welcome(broadcast)).ends(1001);
    await pass(9_999);
    expect(tickets).toBe(1);
    await pass(1);
    expect(tickets).toBe(2);
  });

  it('waits when it was too fast, even while live', async () => {
    socket.start();
    (await welcome()).ends(4003);
    await pass(9_000);
    expect(tickets).toBe(1);
    await pass(1_000);
    expect(tickets).toBe(2);
  });

  it('gives up on a server that does not welcome it', async () => {
    socket.start();
    await pass(0);
    FakeLine.last.opens();
    await pass(8_000);
    expect(FakeLine.last.closed).toBe(true);
    expect(states).toEqual(['connecting', 'down']);
  });

  it.each([
    ['signed out', new Problem(401, 'signed_out', ''), 'out'],
    ['no such course', new Problem(404, 'not_found', ''), 'refused'],
    ['not allowed', new Problem(403, 'forbidden', ''), 'refused'],
  ])('stops when there is no ticket: %s', async (_, problem, state) => {
    denial = problem;
    socket.start();
    await pass(60_000);
    expect(states).toEqual(['connecting', state]);
    expect(tickets).toBe(1);
  });

  it('asks again when the ticket could not be had, after the pause that was asked for', async () => {
    denial = new Problem(429, 'too_many', '', { retryAfter: 30 });
    socket.start();
    await pass(29_999);
    expect(tickets).toBe(1);
    await pass(1);
    expect(tickets).toBe(2);
  });

  it('stops when the person is signed out', async () => {
    socket.start();
    (await welcome()).ends(4002);
    await pass(60_000);
    expect(states).toEqual(['connecting', 'open', 'out']);
    expect(tickets).toBe(1);
  });

  it('stays closed, whatever an old line says', async () => {
    socket.start();
    const line = await welcome();
    socket.stop();
    line.says('presence', { viewers: 9 });
    line.ends(1006);
    await pass(60_000);
    expect(states).toEqual(['connecting', 'open', 'closed']);
    expect(viewers).toEqual([3]);
    socket.start();
    await welcome();
    expect(socket.state).toBe('open');
  });

  it('a ticket that comes after stop opens nothing', async () => {
    socket.start();
    socket.stop();
    await pass(1_000);
    expect(FakeLine.all).toHaveLength(0);
  });

  it('tries at once when the network is back', async () => {
    socket.start();
    (await welcome(null)).ends(1006);
    socket.nudge();
    await pass(0);
    expect(tickets).toBe(2);
    socket.nudge();
    await pass(0);
    expect(tickets).toBe(2);
  });

  it('notices a line that has died without a word', async () => {
    socket.start();
    const line = await welcome();
    for (let i = 0; i < 6; i++) {
      await pass(10_000);
      line.says('broadcast', live());
    }
    expect(socket.state).toBe('open');
    await pass(28_000);
    expect(line.closed).toBe(true);
    expect(tickets).toBe(2);
  });

  it('does not mind silence when nothing is on air', async () => {
    socket.start();
    await welcome(null);
    await pass(600_000);
    expect(tickets).toBe(1);
  });
});

describe('the clock', () => {
  it('moves the timeline on by what a message took longer than others', async () => {
    socket.start();
    const line = await welcome();
    const sent = live({ timeline_ms: 70_000 });
    await pass(750);
    line.says('broadcast', sent);
    expect(broadcasts).toHaveLength(2);
    expect(broadcasts[1]).toMatchObject({ timeline_ms: 70_750, server_time: serverTime() });
    expect(socket.serverNow()).toBe(serverTime());
  });

  it('lets the timeline of an ended lecture stand', async () => {
    socket.start();
    const line = await welcome();
    const sent = live({ state: 'ended', timeline_ms: 70_000 });
    await pass(750);
    line.says('broadcast', sent);
    expect(broadcasts[1]).toMatchObject({ timeline_ms: 70_000 });
  });
});

describe('reports', () => {
  it('takes none without a connection', async () => {
    expect(socket.send(report(1))).toBe(false);
    socket.start();
    expect(socket.send(report(1))).toBe(false);
    const line = await welcome();
    expect(socket.send(report(1))).toBe(true);
    line.ends(1006);
    expect(socket.send(report(2))).toBe(false);
  });

  it('keeps four under way, in order, and sends none twice', async () => {
    socket.start();
    const line = await welcome();
    for (const seq of [1, 2, 3, 4, 5, 6]) socket.send(report(seq));
    socket.send(report(2));
    expect(line.seqs).toEqual([1, 2, 3, 4]);
    line.says('ack', ack(1));
    line.says('ack', ack(2));
    expect(line.seqs).toEqual([1, 2, 3, 4, 5, 6]);
    expect(acks).toEqual([1, 2]);
  });

  it('sends what was not acknowledged over the next connection', async () => {
    socket.start();
    const line = await welcome();
    for (const seq of [1, 2, 3]) socket.send(report(seq));
    line.says('ack', ack(2));
    line.ends(1006);
    await pass(250);
    const next = await welcome();
    expect(next.seqs).toEqual([1, 3]);
    next.says('ack', ack(1));
    next.says('ack', ack(3));
    next.ends(1006);
    await pass(250);
    expect((await welcome()).seqs).toEqual([]);
  });

  it.each(['busy', 'unavailable'])('sends again what the server could not take now: %s', async (code) => {
    socket.start();
    const line = await welcome();
    socket.send(report(1));
    line.says('error', { code, message: '', player: 'player-1', seq: 1 });
    await pass(1_000);
    expect(line.seqs).toEqual([1]);
    await pass(3_000);
    expect(line.seqs).toEqual([1, 1]);
    line.says('ack', ack(1));
    expect(acks).toEqual([1]);
  });

  it.each(['refused', 'invalid'])('gives up what the server will never take: %s', async (code) => {
    socket.start();
    const line = await welcome();
    socket.send(report(1));
    line.says('error', { code, message: '', player: 'player-1', seq: 1 });
    line.says('error', { code: 'malformed', message: '' });
    expect(refused).toEqual([[1, code]]);
    line.ends(1006);
    await pass(250);
    expect((await welcome()).seqs).toEqual([]);
  });

  it('reconnects when the server does not answer', async () => {
    socket.start();
    const line = await welcome(null);
    socket.send(report(1));
    await pass(24_000);
    expect(line.closed).toBe(true);
    await pass(10_000);
    expect((await welcome(null)).seqs).toEqual([1]);
  });

  it('takes no more than it can keep', async () => {
    socket.start();
    await welcome();
    let taken = 0;
    while (socket.send(report(taken + 1))) taken++;
    expect(taken).toBe(400);
  });

  it('tells how far it has heard when it comes back, and has the state read again only when that is not enough', async () => {
    socket.start();
    const line = await welcome();
    expect(resyncs).toBe(1);
    expect(line.sent[0]?.data).not.toHaveProperty('epoch');
    line.says('events', {
      epoch: 'K7Q2',
      offset: 9,
      server_time: 0,
      events: [
        { type: 'presence', data: { viewers: 7 } },
        { type: 'weather', data: {} },
      ],
    });
    line.says('events', { epoch: 'K7Q2', offset: 0, server_time: 0, events: [{ type: 'presence', data: { viewers: 8 } }] });
    expect(viewers).toEqual([3, 7, 8]);
    line.ends(1006);
    await pass(1000);
    FakeLine.last.opens();
    expect(FakeLine.last.sent[0]?.data).toMatchObject({ epoch: 'K7Q2', offset: 9 });
    FakeLine.last.says('welcome', {
      room: 'c',
      person: 'p',
      roles: [],
      viewers: 1,
      broadcast: null,
      epoch: 'K7Q2',
      offset: 11,
      resumed: true,
      server_time: 0,
    });
    expect(resyncs).toBe(1);
    FakeLine.last.says('resync', {});
    expect(resyncs).toBe(1);
    await pass(10_000);
    expect(resyncs).toBe(2);
  });
});
