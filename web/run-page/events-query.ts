/** The stored events of a run, page by page, newest first. */
import { infiniteQueryOptions } from '@tanstack/react-query';
import type { TrainingRunEventList } from '#contract/training-run.ts';
import { call } from '../api/call.ts';

const pageSize = 500;

export function eventsQuery(id: string, kind: 'all' | 'notable') {
  return infiniteQueryOptions({
    queryKey: ['events', id, kind],
    queryFn: ({ pageParam, signal }) => {
      const before = pageParam === null ? '' : `&before_seq=${pageParam}`;
      const path = `/api/v1/training/jobs/${encodeURIComponent(id)}/events?limit=${pageSize}&kind=${kind}${before}`;
      return call<TrainingRunEventList>(path, { signal });
    },
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.has_more ? (last.data.at(-1)?.seq ?? null) : null),
    // What comes later is handed in by the live stream.
    staleTime: Infinity,
    gcTime: 0,
  });
}
