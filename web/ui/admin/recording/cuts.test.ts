import { expect, it } from 'vitest';
import { add, after, filmstrip, lengthOf, move, nearest, parseClock, parseStoryboard, same, step, tidy, type Cut } from './cuts';

const joints = [1000, 3000, 5000, 7000, 9000, 11000];

it('snaps to the nearest place at which the recording can be cut', () => {
  expect([-5, 1000, 1999, 2100, 6001, 99_000].map((ms) => nearest(joints, ms))).toEqual([1000, 1000, 1000, 3000, 7000, 11000]);
  expect([step(joints, 5000, 1), step(joints, 5000, -1), step(joints, 1000, -1), step(joints, 9000, 10)]).toEqual([
    7000, 3000, 1000, 11000,
  ]);
});

it('keeps stretches in order and apart', () => {
  expect(
    tidy([
      [7000, 9000],
      [1000, 3000],
      [3000, 5000],
      [9000, 9000],
    ]),
  ).toEqual([
    [1000, 5000],
    [7000, 9000],
  ]);
  expect(add([[1000, 3000]], joints, 6800, 9300)).toEqual([
    [1000, 3000],
    [7000, 9000],
  ]);
  expect(add([[1000, 3000]], joints, 2000, 9300)).toEqual([[1000, 9000]]);
});

it('moves an end within its neighbours', () => {
  const cuts: Cut[] = [
    [1000, 3000],
    [7000, 9000],
  ];
  expect(move(cuts, joints, 0, 1, 99_000)).toEqual([
    [1000, 5000],
    [7000, 9000],
  ]);
  expect(move(cuts, joints, 1, 0, 0)).toEqual([
    [1000, 3000],
    [5000, 9000],
  ]);
  expect(move(cuts, joints, 1, 1, 99_000)).toEqual([
    [1000, 3000],
    [7000, 11000],
  ]);
  expect(move(cuts, joints, 1, 1, 0)).toEqual(cuts);
  expect(move(cuts, joints, 5, 1, 0)).toEqual(cuts);
});

it('skips what is taken out, and counts only what was recorded', () => {
  const cuts: Cut[] = [[1000, 3000]];
  expect([after(cuts, 999), after(cuts, 1000), after(cuts, 2999), after(cuts, 3000)]).toEqual([undefined, 3000, 3000, undefined]);
  expect(
    lengthOf(
      [[0, 5000]],
      [
        { timeline_ms: 2000, length_ms: 1000 },
        { timeline_ms: 4000, length_ms: 9000 },
      ],
    ),
  ).toBe(2000);
  expect(
    same(
      [
        [1, 2],
        [4, 5],
      ],
      [
        [4, 5],
        [1, 2],
      ],
    ),
  ).toBe(true);
});

it('reads times as people write them', () => {
  expect(['75', '1:15', '1:02:05', '12:04.5', '0,5', 'x', '1:2:3:4', ''].map(parseClock)).toEqual([
    75_000,
    75_000,
    3_725_000,
    724_500,
    500,
    undefined,
    undefined,
    undefined,
  ]);
});

it('reads the storyboard and lays out a filmstrip', () => {
  const text =
    'WEBVTT\n\n00:00:02.000 --> 00:00:04.000\na.jpg#xywh=0,0,160,90\n\n00:00:04.000 --> 00:00:06.500\na.jpg#xywh=160,0,160,90\n';
  const thumbs = parseStoryboard(text, '/api/x/storyboard.vtt');
  expect(thumbs).toEqual([
    { from: 2000, to: 4000, url: '/api/x/a.jpg', x: 0, y: 0, width: 160, height: 90, sheet: 320 },
    { from: 4000, to: 6500, url: '/api/x/a.jpg', x: 160, y: 0, width: 160, height: 90, sheet: 320 },
  ]);
  expect(filmstrip(thumbs, 0, 8000, 4).map((thumb) => thumb?.x)).toEqual([0, 0, 160, 160]);
  expect(filmstrip([], 0, 8000, 2)).toEqual([undefined, undefined]);
});
