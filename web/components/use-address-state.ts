/** State that a page holds itself, so that typing never waits, and writes into its address a moment after each change. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useState } from 'react';

const quietMs = 250;

interface Spelling<State> {
  /** Every name that `write` may use: what is left out is taken from the address. */
  names: readonly string[];
  read(search: Record<string, string | undefined>): State;
  write(state: State): Record<string, string>;
}

/** `spelling` must be the same object every time. */
export function useAddressState<State extends object>(spelling: Spelling<State>): [State, (change: Partial<State>) => void] {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const [state, setState] = useState(() => spelling.read(search));
  useEffect(() => {
    const timer = setTimeout(() => {
      void navigate({
        to: '.',
        search: ((before: Record<string, unknown>) => {
          const others = Object.entries(before).filter(([name]) => !spelling.names.includes(name));
          return { ...Object.fromEntries(others), ...spelling.write(state) };
        }) as never,
        replace: true,
        resetScroll: false,
      });
    }, quietMs);
    return () => clearTimeout(timer);
  }, [state, spelling, navigate]);
  const change = useCallback((given: Partial<State>) => setState((before) => ({ ...before, ...given })), []);
  return [state, change];
}
