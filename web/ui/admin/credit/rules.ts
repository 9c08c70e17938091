import type { CreditRule } from '../../shared/api-types';

/** The leaves that the page knows how to switch on and off, in their order. */
export const leaves = ['watched', 'checks', 'polls', 'test', 'evaluation', 'disclosure', 'identity'] as const;
export type Leaf = (typeof leaves)[number];

/** What a new leaf of a kind demands. */
const usual: Partial<Record<Leaf, number>> = { watched: 0.9, checks: 0.75, polls: 0.5 };

/** Whether a tree is a plain list of leaves of which all are demanded, each kind once: what the page can edit. */
export function isPlain(rule: CreditRule): boolean {
  const parts = rule.of ?? [];
  const kinds = parts.map((part) => part.kind);
  return (
    rule.kind === 'all' &&
    new Set(kinds).size === kinds.length &&
    parts.every((part) => (leaves as readonly string[]).includes(part.kind) && !part.minutes && !part.only)
  );
}

/** The rule with a leaf switched on or off. */
export function toggled(rule: CreditRule, leaf: Leaf): CreditRule {
  const parts = rule.of ?? [];
  const rest = parts.filter((part) => part.kind !== leaf);
  if (rest.length < parts.length) return { ...rule, of: rest };
  const share = usual[leaf];
  const all: CreditRule[] = [...parts, share === undefined ? { kind: leaf } : { kind: leaf, share }];
  const order = (part: CreditRule) => (leaves as readonly string[]).indexOf(part.kind);
  return { ...rule, of: all.sort((a, b) => order(a) - order(b)) };
}

/** The rule with another share of what is to be watched, in percent from 1 to 100. */
export function watching(rule: CreditRule, percent: number): CreditRule {
  const share = Math.min(100, Math.max(1, Math.round(percent))) / 100;
  return { ...rule, of: (rule.of ?? []).map((part) => (part.kind === 'watched' ? { ...part, share } : part)) };
}
