/** Short curves for tables and comparisons: asked for once when a run is over, and again while it goes on. */
import { useQueries, useQuery } from '@tanstack/react-query';
import type { TrainingSeries } from '#contract/series.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { isOver } from './run-states.ts';

const everyMs = 3000;

function curvesQuery(run: Pick<TrainingRun, 'id' | 'status'>, points: number) {
  const goesOn = !isOver(run.status) && run.status !== 'paused';
  return {
    queryKey: ['curves', run.id, points, goesOn],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      call<TrainingSeries>(`/api/v1/training/jobs/${encodeURIComponent(run.id)}/series?points=${points}`, { signal }),
    staleTime: goesOn ? everyMs : Infinity,
    refetchInterval: goesOn ? everyMs : (false as const),
  };
}

export function useRunCurves(run: Pick<TrainingRun, 'id' | 'status'>, points: number) {
  return useQuery(curvesQuery(run, points));
}

export function useAllCurves(runs: readonly Pick<TrainingRun, 'id' | 'status'>[], points: number) {
  return useQueries({ queries: runs.map((run) => curvesQuery(run, points)) });
}
