/** What pages ask the platform for, each with its key and how often it is asked again. */
import { queryOptions } from '@tanstack/react-query';
import type { FileList } from '#contract/openai/files.ts';
import type { FineTuningJobCheckpointList } from '#contract/openai/fine-tuning.ts';
import type { ModelList } from '#contract/openai/models.ts';
import type { TrainingSeries } from '#contract/series.ts';
import type { TrainingRun, TrainingRunList } from '#contract/training-run.ts';
import { call } from './call.ts';

/** While something may be running, lists are asked again this often. */
const listMs = 2000;

export function runsQuery(limit: number = 100) {
  return queryOptions({
    queryKey: ['runs', limit],
    queryFn: ({ signal }) => call<TrainingRunList>(`/api/v1/training/jobs?limit=${limit}`, { signal }),
    refetchInterval: listMs,
  });
}

/** Not asked again by itself: whoever follows the run's events says when it has changed. */
export function runQuery(id: string) {
  return queryOptions({
    queryKey: ['run', id],
    queryFn: ({ signal }) => call<TrainingRun>(`/api/v1/training/jobs/${encodeURIComponent(id)}`, { signal }),
  });
}

/** `points` is the most of each series. */
export function seriesQuery(id: string, points: number) {
  return queryOptions({
    queryKey: ['series', id, points],
    gcTime: 0,
    queryFn: ({ signal }) => call<TrainingSeries>(`/api/v1/training/jobs/${encodeURIComponent(id)}/series?points=${points}`, { signal }),
    staleTime: Infinity,
  });
}

export function checkpointsQuery(id: string) {
  return queryOptions({
    queryKey: ['checkpoints', id],
    queryFn: ({ signal }) =>
      call<FineTuningJobCheckpointList>(`/v1/fine_tuning/jobs/${encodeURIComponent(id)}/checkpoints?limit=100`, { signal }),
  });
}

export function modelsQuery() {
  return queryOptions({
    queryKey: ['models'],
    queryFn: ({ signal }) => call<ModelList>('/v1/models', { signal }),
    staleTime: 10_000,
  });
}

export function trainingFilesQuery() {
  return queryOptions({
    queryKey: ['files', 'fine-tune'],
    queryFn: ({ signal }) => call<FileList>('/v1/files?purpose=fine-tune', { signal }),
    staleTime: 10_000,
  });
}
