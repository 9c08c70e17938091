import { expect, it } from 'vitest';
import { Room } from './room.svelte';

it('moves the position with the clock while on air, and only then', () => {
  const room = new Room();
  expect(room.position).toBe(0);
  room.hear({ state: 'live', timeline_ms: 60_000, presenter: 'connected' }, 1_000_000);
  room.tick(1_005_000);
  expect(room.position).toBe(65_000);
  room.hear({ state: 'ended', timeline_ms: 70_000, presenter: 'gone' }, 1_010_000);
  room.tick(1_090_000);
  expect(room.position).toBe(70_000);
  expect(room.live).toBe(false);
});

it('never runs backwards when the clock of the reader does', () => {
  const room = new Room();
  room.hear({ state: 'live', timeline_ms: 60_000, presenter: 'connected' }, 1_000_000);
  room.tick(990_000);
  expect(room.position).toBe(60_000);
});
