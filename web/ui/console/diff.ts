/** One run of words of an edit. */
export interface Piece {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** Above this many words the comparison would cost more than it tells; the two texts are then shown whole. */
const most = 400;

/**
 * The words that an edit removed and added, in reading order, by the longest common subsequence of words. A question
 * has at most a few hundred words, so the quadratic table is small.
 */
export function compareWords(before: string, after: string): Piece[] {
  const a = words(before);
  const b = words(after);
  if (a.length > most || b.length > most) return join([piece('removed', a), piece('added', b)].flat());
  const table = commonLengths(a, b);
  const pieces: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i];
    const y = b[j];
    if (x !== undefined && x === y) {
      pieces.push({ kind: 'same', text: x });
      i++;
      j++;
    } else if (y === undefined || (x !== undefined && at(table, i + 1, j) >= at(table, i, j + 1))) {
      pieces.push({ kind: 'removed', text: x ?? '' });
      i++;
    } else {
      pieces.push({ kind: 'added', text: y });
      j++;
    }
  }
  return join(pieces);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function piece(kind: Piece['kind'], list: string[]): Piece[] {
  return list.map((text) => ({ kind, text }));
}

function at(table: number[][], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

/** table[i][j] is the length of the longest common subsequence of a from i on and b from j on. */
function commonLengths(a: string[], b: string[]): number[][] {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = table[i];
    if (!row) continue;
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function join(pieces: Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const next of pieces) {
    const last = joined[joined.length - 1];
    if (last && last.kind === next.kind) joined[joined.length - 1] = { kind: last.kind, text: `${last.text} ${next.text}` };
    else joined.push(next);
  }
  return joined;
}
