import { readdirSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ui = resolve(import.meta.dirname, '..');

/** What attendees see, and what it is built from. */
const files = ['player', 'test', 'shared', '../pages'].flatMap((folder) =>
  readdirSync(resolve(ui, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(svelte|css)$/.test(name))
    .map((name) => resolve(ui, folder, name)),
);

const sided = /^(?:(?:margin|padding|border)-(?:left|right)(?:-\w+)?|border-(?:top|bottom)-(?:left|right)-radius|float|clear)$/;

/** The declarations of a style sheet that do not turn with the direction of the text. */
function physical(css: string): string[] {
  const found: string[] = [];
  for (const [, body] of css.replace(/\/\*.*?\*\//gs, '').matchAll(/\{([^{}]*)\}/g)) {
    const rule = new Map(
      body!
        .split(';')
        .map((line) => line.split(/:(.*)/s).map((part) => part.trim()))
        .filter(([name, value]) => name && value)
        .map(([name, value]) => [name!, value!]),
    );
    for (const [name, value] of rule) {
      const sides = value.match(/(?:[^\s(]|\([^)]*\))+/g) ?? [];
      // Both ends alike, or the whole width, look the same from either side.
      const whole = rule.get('left') === rule.get('right') || (value === '0' && rule.get('width') === '100%');
      const bad =
        sided.test(name) ||
        (name === 'text-align' && /^(left|right)$/.test(value)) ||
        (/^(margin|padding|border-width|inset)$/.test(name) && sides.length === 4 && sides[1] !== sides[3]) ||
        (/^(left|right)$/.test(name) && !whole);
      if (bad) found.push(`${name}: ${value}`);
    }
  }
  return found;
}

const styles = (name: string) => {
  const text = readFileSync(name, 'utf8');
  return name.endsWith('.svelte') ? (/<style>(.*)<\/style>/s.exec(text)?.[1] ?? '') : text;
};

describe('styles', () => {
  it('turn with the direction of the text on every page of attendees', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap((name) => physical(styles(name)).map((line) => `${relative(ui, name)}: ${line}`))).toEqual([]);
  });

  it('are seen when they do not', () => {
    expect(
      physical(
        'a { margin-left: 1px; left: 0; right: 0; } b { padding: 0 1px 0 calc(1px + 2px); text-align: right; } @media x { c { left: 3px } } d { left: 0; width: 100% }',
      ),
    ).toEqual(['margin-left: 1px', 'padding: 0 1px 0 calc(1px + 2px)', 'text-align: right', 'left: 3px']);
  });
});
