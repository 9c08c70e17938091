/** Starts a page: its styles, its component, its place in the document. */
import './fonts.css';
import './tokens.css';
import './base.css';
import { mount, type Component } from 'svelte';

/** Draws the page's root component into #app. */
export function start<Props extends Record<string, unknown>>(page: Component<Props>, props: Props): void {
  const target = document.getElementById('app');
  if (target) mount(page, { target, props });
}

/** The last part of the path: the course of /watch/{course}, the programme of /admin/{programme}; empty if there is none. */
export function pathID(): string {
  const [, , id = ''] = location.pathname.split('/');
  return decodeURIComponent(id);
}
