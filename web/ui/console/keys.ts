/** The console's keyboard map: one table for the handler, for the hints in the buttons and for the list of all keys. */

/** What a key asks for. `presenter` counts from 0. */
export type Command =
  | {
      readonly do:
        'next' | 'previous' | 'release' | 'edit' | 'approve-assign' | 'approve' | 'dismiss' | 'restore' | 'undo' | 'help';
    }
  | { readonly do: 'presenter'; readonly presenter: number }
  | { readonly do: 'column'; readonly by: 1 | -1 }
  | { readonly do: 'save' | 'leave' };

/** The part of a KeyboardEvent that decides. */
export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
}

/** Where the focus is, and whether the moderator keeps single keys on (WCAG 2.1.4 asks that they can be turned off). */
export interface KeyContext {
  readonly typing: boolean;
  readonly singleKeys: boolean;
}

/** Single keys in the order of the help; the label is what stands in `kbd`. */
export const singleKeys = [
  { key: 'j', do: 'next' },
  { key: 'k', do: 'previous' },
  { key: 'n', do: 'release' },
  { key: 'e', do: 'edit' },
  { key: 'a', do: 'approve-assign' },
  { key: 'o', do: 'approve' },
  { key: 'd', do: 'dismiss' },
  { key: 'r', do: 'restore' },
  { key: 'u', do: 'undo' },
  { key: '?', do: 'help' },
] as const;

/** Keys that may be held down; all others act once per press, so that a resting finger dismisses one question only. */
const repeatable = new Set(['next', 'previous']);

/** The command of a key press, or null when the key is not ours. */
export function commandFor(press: KeyPress, context: KeyContext): Command | null {
  if (press.isComposing) return null;
  if (press.key === 'F6') return { do: 'column', by: press.shiftKey ? -1 : 1 };
  if (context.typing) return whileTyping(press);
  if (!context.singleKeys || press.ctrlKey || press.metaKey || press.altKey) return null;
  if (/^[1-9]$/.test(press.key)) return press.repeat ? null : { do: 'presenter', presenter: Number(press.key) - 1 };
  const found = singleKeys.find((each) => each.key === press.key.toLowerCase());
  if (!found || (press.repeat && !repeatable.has(found.do))) return null;
  return { do: found.do };
}

function whileTyping(press: KeyPress): Command | null {
  if (press.key === 'Escape') return { do: 'leave' };
  if (press.key === 'Enter' && (press.ctrlKey || press.metaKey) && !press.repeat) return { do: 'save' };
  return null;
}

/** Whether an element takes text, so that letters belong to it. */
export function takesText(element: Element | null): boolean {
  if (!element) return false;
  if (element instanceof HTMLElement && element.isContentEditable) return true;
  if (element.matches('textarea, select')) return true;
  return element.matches('input') && !element.matches('[type=checkbox], [type=radio], [type=button], [type=submit]');
}
