/**
 * The player's keys. They sleep while something is typed, and leave a focused control its own keys. Letters and signs work only while the
 * focus is in the player (WCAG 2.1.4): who dictates or types elsewhere on the page must not stop the lecture.
 */

export type Command = 'toggle' | 'back' | 'on' | 'sound' | 'full' | 'captions' | 'help';

const anywhere: Record<string, Command> = {
  ' ': 'toggle',
  ArrowLeft: 'back',
  ArrowRight: 'on',
};

const inPlayer: Record<string, Command> = {
  k: 'toggle',
  j: 'back',
  l: 'on',
  m: 'sound',
  f: 'full',
  c: 'captions',
  '?': 'help',
};

type Press = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'target'>;

/** What a key asks for, if it is the player's to take. */
export function commandFor(event: Press, focused: boolean): Command | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const on = event.target as Partial<HTMLInputElement> | null;
  const tag = on?.tagName ?? '';
  const slider = tag === 'INPUT' && on?.type === 'range';
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(tag) && !slider) return undefined;
  if (slider && event.key.startsWith('Arrow')) return undefined;
  if (/^(BUTTON|A|SUMMARY)$/.test(tag) && event.key === ' ') return undefined;
  return anywhere[event.key] ?? (focused ? inPlayer[event.key.toLowerCase()] : undefined);
}
