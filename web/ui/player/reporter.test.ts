import { beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../shared/api';
import { Reporter } from './reporter';

/** localStorage as the standard describes it. */
class MemoryStorage implements Storage {
  private items = new Map<string, string>();
  get length(): number {
    return this.items.size;
  }
  key(at: number): string | null {
    return [...this.items.keys()][at] ?? null;
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  clear(): void {
    this.items.clear();
  }
}

let online: boolean;
let sent: Report[];
let beacons: Report[][];
let storage: MemoryStorage;

const standing = { position_ms: 10_000, rate: 1, muted: false, visible: true };
const span = (from: number, to: number) => ({ from_ms: from, to_ms: to, as: 'live' as const });

function reporter(player: string, person = 'p1'): Reporter {
  return new Reporter({
    person,
    course: 'c1',
    broadcast: 'b1',
    player,
    storage,
    send: (report) => online && sent.push(structuredClone(report)) > 0,
    beacon: (reports) => beacons.push(structuredClone(reports)) > 0,
  });
}

beforeEach(() => {
  online = true;
  sent = [];
  beacons = [];
  storage = new MemoryStorage();
});

describe('reporter', () => {
  it('numbers reports and forgets them when they are committed', () => {
    const it = reporter('one');
    it.report([span(0, 10_000)], standing);
    it.report([span(10_000, 20_000)], standing);
    expect(sent.map((report) => report.seq)).toEqual([1, 2]);
    it.acked({ player: 'one', seq: 1 });
    expect(it.pending).toBe(1);
    it.acked({ player: 'one', seq: 2 });
    expect(it.pending).toBe(0);
    expect(storage.length).toBe(0);
  });

  it('sends again what has no receipt, under the same name', () => {
    const it = reporter('one');
    it.report([span(0, 10_000)], standing);
    it.resend();
    expect(sent.map((report) => [report.player, report.seq])).toEqual([
      ['one', 1],
      ['one', 1],
    ]);
  });

  it('lets one report grow while offline and never changes one that went out', () => {
    const it = reporter('one');
    it.report([span(0, 10_000)], standing);
    online = false;
    it.report([span(10_000, 20_000)], standing);
    it.report([span(20_000, 30_000)], standing);
    online = true;
    it.resend();
    expect(sent.slice(1).map((report) => [report.seq, report.spans])).toEqual([
      [1, [span(0, 10_000)]],
      [2, [span(10_000, 30_000)]],
    ]);
  });

  it('hands everything to a beacon and keeps it for the next load', () => {
    online = false;
    const first = reporter('one');
    first.report([span(0, 10_000)], standing);
    first.leave();
    expect(beacons).toHaveLength(1);
    online = true;
    const second = reporter('two');
    second.resend();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ player: 'one', seq: 1 });
    second.acked({ player: 'one', seq: 1 });
    expect(storage.length).toBe(0);
  });

  it('does not credit one person with what another watched on the same computer', () => {
    online = false;
    reporter('one', 'p1').report([span(0, 10_000)], standing);
    expect(reporter('two', 'p2').pending).toBe(0);
  });

  it('splits what is too much for one report', () => {
    const it = reporter('one');
    it.report(
      Array.from({ length: 100 }, (_, at) => span(at * 1000, at * 1000 + 500)),
      standing,
    );
    expect(sent.map((report) => report.spans.length)).toEqual([64, 36]);
  });
});
