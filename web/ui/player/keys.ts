/** The player's keys. They sleep while something is typed, and leave a focused control its own keys (WCAG 2.1.4). */

export type Command = 'toggle' | 'back' | 'on' | 'sound' | 'full';

const commands: Record<string, Command> = {
  ' ': 'toggle',
  k: 'toggle',
  j: 'back',
  ArrowLeft: 'back',
  l: 'on',
  ArrowRight: 'on',
  m: 'sound',
  f: 'full',
};

/** What a key asks for, if it is the player's to take. */
export function commandFor(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'target'>): Command | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const on = (event.target as Partial<Element> | null)?.tagName ?? '';
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(on)) return undefined;
  if (/^(BUTTON|A|SUMMARY)$/.test(on) && event.key === ' ') return undefined;
  return commands[event.key.length === 1 ? event.key.toLowerCase() : event.key];
}
