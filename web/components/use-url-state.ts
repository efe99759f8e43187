/** State of a page that stands in its address: `?name=value`; reload and a second device show the same. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

/** The value and what changes it; the fallback is not written into the address. `push` makes a step that Back undoes. */
export function useUrlState(name: string, fallback: string = '', push: boolean = false): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const set = useCallback(
    (value: string) => {
      void navigate({
        to: '.',
        search: (before: Record<string, unknown>) => ({ ...before, [name]: value === fallback ? undefined : value }) as never,
        replace: !push,
        resetScroll: false,
      });
    },
    [navigate, name, fallback, push],
  );
  return [search[name] ?? fallback, set];
}
