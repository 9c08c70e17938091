import { describe, expect, it } from 'vitest';
import { parseStoryboard, tileAt } from './storyboard';

const text = `WEBVTT

00:00:00.000 --> 00:00:02.000
s1.jpg#xywh=0,0,160,90

NOTE nothing

a name
00:02.000 --> 00:04.000
s1.jpg#xywh=160,90,160,90

01:00:00.000 --> 01:00:02.500
s2.jpg#xywh=pixel:0,0,120,90

00:00:09.000 --> 00:00:10.000
not a picture
`;

describe('storyboard', () => {
  const { tiles, sheets } = parseStoryboard(text, 'https://cdn.example/hls/c/storyboard.vtt');

  it('names places in sprites beside itself', () => {
    expect(tiles.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [2, 4],
      [3600, 3602.5],
    ]);
    expect(tiles[1]).toMatchObject({ sprite: 'https://cdn.example/hls/c/s1.jpg', x: 160, y: 90, width: 160, height: 90 });
    expect(sheets.get('https://cdn.example/hls/c/s1.jpg')).toEqual({ width: 320, height: 180 });
  });

  it('is read as Windows writes it, too', () => {
    expect(parseStoryboard(text.replace(/\n/g, '\r\n'), 'https://cdn.example/x').tiles).toHaveLength(3);
    expect(parseStoryboard('', 'https://cdn.example/x').tiles).toEqual([]);
  });

  it('gives the picture of a second', () => {
    expect(tileAt(tiles, 1)?.from).toBe(0);
    expect(tileAt(tiles, 2)?.from).toBe(2);
    expect(tileAt(tiles, 100)?.from).toBe(2);
    expect(tileAt(tiles, 9999)?.from).toBe(3600);
    expect(tileAt([], 1)).toBeUndefined();
  });
});
