/** The small pictures of a recording, one for each stretch of it: WebVTT whose cues name a place in a sprite (media fragments, `#xywh`). */

export interface Tile {
  /** Seconds of the recording, [from, to). */
  from: number;
  to: number;
  sprite: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Storyboard {
  tiles: readonly Tile[];
  /** How large each sprite is, at least: to the end of its last tile. */
  sheets: ReadonlyMap<string, { width: number; height: number }>;
}

const timing = /^((?:\d+:)?\d{2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d{2}:\d{2}\.\d{3})/;
const place = /^(.+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

/** Reads a storyboard; sprites are named from `address`, that of the text. What it does not understand it leaves out. */
export function parseStoryboard(text: string, address: string): Storyboard {
  const tiles: Tile[] = [];
  const sheets = new Map<string, { width: number; height: number }>();
  for (const block of text.replace(/\r\n?/g, '\n').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const at = lines.findIndex((line) => timing.test(line));
    const when = timing.exec(lines[at] ?? '');
    const where = place.exec((lines[at + 1] ?? '').trim());
    if (!when || !where) continue;
    const [x, y, width, height] = where.slice(2, 6).map(Number) as [number, number, number, number];
    const sprite = new URL(where[1]!, address).href;
    tiles.push({ from: seconds(when[1]!), to: seconds(when[2]!), sprite, x, y, width, height });
    const sheet = sheets.get(sprite) ?? { width: 0, height: 0 };
    sheets.set(sprite, { width: Math.max(sheet.width, x + width), height: Math.max(sheet.height, y + height) });
  }
  tiles.sort((a, b) => a.from - b.from);
  return { tiles, sheets };
}

/** The tile of a second: the last that has begun, or the first. */
export function tileAt(tiles: readonly Tile[], second: number): Tile | undefined {
  let low = 0;
  let high = tiles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tiles[middle]!.from <= second) low = middle + 1;
    else high = middle;
  }
  return tiles[Math.max(0, low - 1)];
}

function seconds(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
