import { expect, it } from 'vitest';
import { Problem } from '../shared/api';
import type { AnalyticsPerson } from '../shared/api';
import { PeopleList } from './people.svelte';

/** A server with so many people, which gives them in pages by the id of the last one. */
function server(count: number) {
  const all = Array.from({ length: count }, (_, i) => ({ id: String(i).padStart(4, '0'), watched_s: i }) as AnalyticsPerson);
  const calls: number[] = [];
  const read = async (after: string, limit: number) => {
    calls.push(limit);
    const from = after === '' ? 0 : Number(after) + 1;
    const people = all.slice(from, from + limit);
    return { people, next: from + limit < all.length ? people[people.length - 1]!.id : null };
  };
  return { all, calls, read };
}

it('reads page by page and stops at the end', async () => {
  const { read } = server(120);
  const list = new PeopleList(read);
  await list.refresh();
  expect([list.people.length, list.more]).toEqual([50, true]);
  await list.next();
  await list.next();
  expect([list.people.length, list.more]).toEqual([120, false]);
  await list.next();
  expect(list.people).toHaveLength(120);
});

it('refreshes all that is shown, in calls that are not too long', async () => {
  const { all, calls, read } = server(400);
  const list = new PeopleList(read);
  await list.refresh();
  for (let i = 0; i < 5; i++) await list.next();
  all[299] = { ...all[299]!, watched_s: 7 };
  calls.length = 0;
  await list.refresh();
  expect(calls).toEqual([200, 100]);
  expect(list.people).toHaveLength(300);
  expect(list.people[299]!.watched_s).toBe(7);
});

it('keeps what it shows when a refresh fails', async () => {
  const { read } = server(10);
  let down = false;
  const list = new PeopleList((after, limit) => (down ? Promise.reject(new Problem(0, 'network', '')) : read(after, limit)));
  await list.refresh();
  down = true;
  await list.refresh();
  expect([list.failed, list.people.length]).toEqual([true, 10]);
  down = false;
  await list.refresh();
  expect(list.failed).toBe(false);
});

it('shows no names to those who may not see them, and does not ask again', async () => {
  let asked = 0;
  const list = new PeopleList(() => {
    asked++;
    return Promise.reject(new Problem(403, 'forbidden', ''));
  });
  await list.refresh();
  await list.refresh();
  expect([list.state, asked]).toEqual(['hidden', 1]);
});
