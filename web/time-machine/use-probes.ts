/** The probes of a run and all their answers so far; kept up to date by the run's own events. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ProbeAnswerList, ProbeList, RunProbeAnswer } from '#contract/probe.ts';
import { call } from '../api/call.ts';
import type { LiveRun } from '../run-page/live-run.ts';
import { joinAnswers } from './timeline.ts';

const pageSize = 5000;

export function probesQuery(id: string) {
  return queryOptions({
    queryKey: ['probes', id, 'list'],
    queryFn: ({ signal }) => call<ProbeList>(`/api/v1/training/jobs/${encodeURIComponent(id)}/probes`, { signal }),
  });
}

export function answersQuery(id: string) {
  return queryOptions({
    queryKey: ['probes', id, 'answers'],
    queryFn: async ({ signal }): Promise<readonly RunProbeAnswer[]> => {
      const answers: RunProbeAnswer[] = [];
      for (;;) {
        const path = `/api/v1/training/jobs/${encodeURIComponent(id)}/probes/answers?limit=${pageSize}&after_seq=${answers.at(-1)?.seq ?? 0}`;
        const { data, has_more } = await call<ProbeAnswerList>(path, { signal });
        answers.push(...data);
        if (!has_more || data.length === 0) return answers;
      }
    },
    // What comes later is handed in by the run's own events.
    staleTime: Infinity,
    refetchOnMount: 'always',
  });
}

/** The probes, and every answer once: those that the server listed, and those that came since. */
export function useProbes(id: string, live: LiveRun, version: number) {
  const stored = useQuery(answersQuery(id));
  const answers = useMemo(() => stored.data && joinAnswers(stored.data, live.answersAt(version)), [stored.data, live, version]);
  return { probes: useQuery(probesQuery(id)), answers };
}
