/** A value outside React that pages can watch. */
import { useSyncExternalStore } from 'react';

export interface Store<Value> {
  get: () => Value;
  /** Watchers are told only when the value is another one. */
  set: (value: Value) => void;
  /** Returns what stops it. */
  watch: (listener: () => void) => () => void;
}

export function createStore<Value>(initial: Value): Store<Value> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of listeners) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useStore<Value>(store: Store<Value>): Value {
  return useSyncExternalStore(store.watch, store.get);
}
