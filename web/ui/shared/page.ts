/** Starts a page: its styles, its component, its place in the document. */
import './fonts.css';
import './tokens.css';
import './base.css';
import { mount, type Component } from 'svelte';
import { language, speak, type Translation } from './i18n';

/** What brings a page's words in each language besides English, when it is the reader's. */
export type Languages = Readonly<Record<string, () => Promise<{ default: Translation }>>>;

/** Draws the page's root component into #app, in the reader's language where the page has it. */
export function start<Props extends Record<string, unknown>>(
  page: Component<Props>,
  props: Props,
  languages: Languages = {},
): void {
  const draw = () => {
    const target = document.getElementById('app');
    if (target) mount(page, { target, props });
  };
  const words = languages[language]?.();
  // Where the words do not load, English ones are better than nothing.
  if (words) void words.then(({ default: translation }) => speak(translation)).then(draw, draw);
  else draw();
}

/** The last part of the path: the course of /watch/{course}, the programme of /admin/{programme}; empty if there is none. */
export function pathID(): string {
  const [, , id = ''] = location.pathname.split('/');
  return decodeURIComponent(id);
}
