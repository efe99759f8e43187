/** Says that the platform does not answer, and asks it again until it does. */
import { useEffect } from 'react';
import { call } from '../api/call.ts';
import { queryClient } from '../api/query-client.ts';
import { reachability } from '../api/reachability.ts';
import { useStore } from '../api/store.ts';

const everyMs = 1000;
const isFollowed = new Set<unknown>(['series', 'events']);

export function Unreachable() {
  const isReachable = useStore(reachability);
  useEffect(() => {
    if (isReachable) return;
    const timer = setInterval(() => {
      call('/health').then(
        // What an event stream keeps up to date goes on by itself, after the event it knows.
        () => queryClient.invalidateQueries({ predicate: ({ queryKey }) => !isFollowed.has(queryKey[0]) }),
        () => undefined,
      );
    }, everyMs);
    return () => clearInterval(timer);
  }, [isReachable]);
  if (isReachable) return null;
  return (
    <p role="alert" className="border-b border-warn bg-warn-soft px-5 py-1.5 text-center text-warn">
      The platform does not answer. What you see is what was known last; runs go on without it. Asking again every second…
    </p>
  );
}
