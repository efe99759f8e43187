/** Short messages at the edge of the page, with an undo where there is one. */
import { createStore } from '../api/store.ts';
import { asFailure } from '../api/failure.ts';

export interface Toast {
  id: number;
  kind: 'good' | 'bad' | 'info';
  text: string;
  action?: { label: string; run: () => void };
}

export const toasts = createStore<readonly Toast[]>([]);
let lastId = 0;

/** `forMs` is how long it stays; Infinity until it is closed. Returns what closes it. */
export function toast(fields: Omit<Toast, 'id'>, forMs: number = fields.kind === 'bad' ? 15_000 : 5000): () => void {
  const shown = { ...fields, id: ++lastId };
  toasts.set([...toasts.get(), shown].slice(-4));
  const close = (): void => toasts.set(toasts.get().filter(({ id }) => id !== shown.id));
  if (forMs !== Infinity) setTimeout(close, forMs);
  return close;
}

/** Says that something failed: the platform's message, its code and the request. */
export function toastFailure(error: unknown): void {
  const failure = asFailure(error);
  toast({ kind: 'bad', text: `${failure.message} (${failure.code}${failure.requestId ? `, ${failure.requestId}` : ''})` });
}
