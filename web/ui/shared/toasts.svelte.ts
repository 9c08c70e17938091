/** Short messages at the foot of the page. At most three; a fourth pushes out the oldest. */

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

const most = 3;
const shownFor = 6_000;
let last = 0;

/** The messages now in view; drawn by components/Toasts.svelte. */
export const toasts = $state<{ list: Toast[] }>({ list: [] });

/** Shows a message for 6 s, or for 12 s when it offers an action. */
export function say(text: string, action?: Toast['action']): void {
  const toast: Toast = { id: ++last, text, ...(action ? { action } : {}) };
  toasts.list = [...toasts.list, toast].slice(-most);
  setTimeout(() => dismiss(toast.id), action ? 2 * shownFor : shownFor);
}

export function dismiss(id: number): void {
  toasts.list = toasts.list.filter((toast) => toast.id !== id);
}
