/** Light, dark, or as the system has it; kept in this browser. */
import { createStore } from '../api/store.ts';

export type Theme = 'system' | 'light' | 'dark';

const kept = localStorage.getItem('theme');
export const theme = createStore<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system');

const following: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

export function nextTheme(): void {
  const next = following[theme.get()];
  if (next === 'system') {
    localStorage.removeItem('theme');
    delete document.documentElement.dataset['theme'];
  } else {
    localStorage.setItem('theme', next);
    document.documentElement.dataset['theme'] = next;
  }
  theme.set(next);
}

/** Called when the colours on the screen may have become others; returns what stops it. */
export function onColours(listener: () => void): () => void {
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', listener);
  const stop = theme.watch(listener);
  return () => {
    media.removeEventListener('change', listener);
    stop();
  };
}
