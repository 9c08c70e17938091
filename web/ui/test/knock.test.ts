import { beforeAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Line } from '../shared/socket';
import { knock } from './knock';

beforeAll(() => void vi.stubGlobal('location', { href: 'https://lectures.example/test/1' }));
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ticket = async () => ({ ticket: 'secret', socket: '/socket' });

/** A socket that does what `answer` says when it hears hello. */
function line(answer: (line: Line) => void): { opened: string[]; open: (url: string) => Line } {
  const opened: string[] = [];
  return {
    opened,
    open: (url) => {
      opened.push(url);
      const made: Line = { onopen: null, onmessage: null, onclose: null, close: () => undefined, send: () => answer(made) };
      setTimeout(() => made.onopen?.call(made as WebSocket, new Event('open')), 1);
      return made;
    },
  };
}

async function run(tried: { open: (url: string) => Line }) {
  const running = knock(ticket, tried.open);
  await vi.advanceTimersByTimeAsync(10_000);
  return running;
}

describe('knock', () => {
  it('works when it is welcomed', async () => {
    const welcome = { room: 'r', person: 'p', roles: [], viewers: 1, broadcast: null, server_time: 0 };
    const tried = line((made) =>
      made.onmessage?.call(
        made as WebSocket,
        new MessageEvent('message', { data: JSON.stringify({ type: 'welcome', data: welcome }) }),
      ),
    );
    expect(await run(tried)).toBe('works');
    expect(tried.opened).toEqual(['wss://lectures.example/socket']);
  });

  it('fails when it is cut, stays silent, or gets no ticket', async () => {
    expect(await run(line((made) => made.onclose?.call(made as WebSocket, new Event('close') as CloseEvent)))).toBe('fails');
    expect(await run(line(() => undefined))).toBe('fails');
    expect(await knock(() => Promise.reject(new Error('no')))).toBe('fails');
  });
});
