/** The keyboard's one registry: whoever is on the page adds its keys, and the help lists what is there. */
import { useEffect, useRef } from 'react';
import { createStore } from '../api/store.ts';

export interface Shortcut {
  /** One key as `event.key` names it (`?`, `ArrowLeft`), two in turn (`g h`), or with Ctrl or ⌘ (`mod+k`). */
  keys: string;
  label: string;
  /** Heading in the help: "Everywhere", or the name of the page. */
  group: string;
  run: () => void;
}

export const shortcuts = createStore<readonly Shortcut[]>([]);

/** Holds while the component is on the page. Keys typed into a field are left alone, but for those with `mod`. */
export function useShortcuts(given: readonly Shortcut[]): void {
  const latest = useRef(given);
  useEffect(() => {
    latest.current = given;
  });
  const names = given.map(({ keys, label, group }) => `${keys}\n${label}\n${group}`).join('\n\n');
  useEffect(() => {
    const mine = latest.current.map(({ keys, label, group }, index) => ({
      keys,
      label,
      group,
      run: () => latest.current[index]?.run(),
    }));
    shortcuts.set([...shortcuts.get(), ...mine]);
    return () => shortcuts.set(shortcuts.get().filter((shortcut) => !mine.includes(shortcut)));
  }, [names]);
}

/** How long the second key of two may take. */
const secondKeyMs = 1200;

/** Listens to the whole page; returns what stops it. */
export function listenToKeys(): () => void {
  let first = '';
  let firstAtMs = 0;
  const listener = (event: KeyboardEvent): void => {
    const isMod = event.ctrlKey || event.metaKey;
    if (event.altKey || (!isMod && isTyping(event.target))) return;
    const key = isMod ? `mod+${event.key.toLowerCase()}` : event.key;
    const isSecond = first !== '' && performance.now() - firstAtMs < secondKeyMs;
    const match = find(isSecond ? `${first} ${key}` : key) ?? find(key);
    first = isSecond ? '' : key;
    firstAtMs = performance.now();
    // In a dialog only its own keys count, and Escape closes it without us.
    if (!match || (document.querySelector('dialog[open]') && !isMod)) return;
    event.preventDefault();
    first = '';
    match.run();
  };
  document.addEventListener('keydown', listener);
  return () => document.removeEventListener('keydown', listener);
}

/** The newest wins: a page may give a key of its own another meaning. */
function find(keys: string): Shortcut | undefined {
  return shortcuts.get().findLast((shortcut) => shortcut.keys === keys);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
