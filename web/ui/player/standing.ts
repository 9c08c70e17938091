import type { PanelMessage } from '../shared/messages';

/**
 * A person's place on the panel after a message about it; undefined without one. A message without a person says only that
 * something is new there: it gives a new object of what was known, because several messages may come at once, of which only
 * the last object is seen.
 */
export function standing(known: PanelMessage | undefined, said: PanelMessage): PanelMessage | undefined {
  if (!said.person) return known && { ...known };
  if (!said.member) return undefined;
  return known && !('on_air' in said || 'muted' in said) ? known : said;
}
