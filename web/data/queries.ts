/** What the pages of data ask the platform for. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { DataCheck, DataDiff, Dataset, DatasetVersion, DataStats, RowXray, TokenStats } from '#contract/datasets.ts';
import type { ExampleSetList } from '#contract/example.ts';
import { call } from '../api/call.ts';
import { ApiFailure } from '../api/failure.ts';

/** A version as the address of a page names it. */
export interface VersionPlace {
  dataset: string;
  version: number;
}

export interface StoredRow {
  row: number;
  value: unknown;
}

interface RowPage {
  data: StoredRow[];
  has_more: boolean;
  total: number;
}

export type VersionStats = DataStats & { tokens: TokenStats | null };

/** `/api/v1/datasets/support/versions/3` */
export function versionPath({ dataset, version }: VersionPlace): string {
  return `/api/v1/datasets/${encodeURIComponent(dataset)}/versions/${version}`;
}

export function datasetsQuery() {
  return queryOptions({
    queryKey: ['datasets'],
    queryFn: ({ signal }) => call<{ data: Dataset[]; has_more: boolean }>('/api/v1/datasets?limit=100', { signal }),
    staleTime: 10_000,
  });
}

/** Newest first. */
export function versionsQuery(dataset: string) {
  return queryOptions({
    queryKey: ['dataset-versions', dataset],
    queryFn: ({ signal }) => call<{ data: DatasetVersion[] }>(`/api/v1/datasets/${encodeURIComponent(dataset)}/versions`, { signal }),
  });
}

/** Versions never change: what was counted once is so. */
export function statsQuery(place: VersionPlace, model: string) {
  return queryOptions({
    queryKey: ['dataset-stats', place, model],
    queryFn: ({ signal }) =>
      call<VersionStats>(`${versionPath(place)}/stats${model === '' ? '' : `?model=${encodeURIComponent(model)}`}`, { signal }),
    staleTime: Infinity,
    retry: false,
  });
}

/** null: nobody has looked yet. */
export function checkQuery(place: VersionPlace) {
  return queryOptions({
    queryKey: ['dataset-check', place],
    queryFn: async ({ signal }): Promise<DataCheck | null> => {
      try {
        return await call<DataCheck>(`${versionPath(place)}/check`, { signal });
      } catch (error) {
        if (error instanceof ApiFailure && error.code === 'invalid_state') return null;
        throw error;
      }
    },
  });
}

const rowsOfPage = 100;

/** From the row numbered `from` on, a page at a time; with `finding` those that the last check found it at. */
export function rowsQuery(place: VersionPlace, finding: string, from: number) {
  return infiniteQueryOptions({
    queryKey: ['dataset-rows', place, finding, from],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ after: String(pageParam), limit: String(rowsOfPage), ...(finding !== '' && { finding }) });
      return call<RowPage>(`${versionPath(place)}/rows?${query.toString()}`, { signal });
    },
    initialPageParam: from - 1,
    getNextPageParam: ({ data, has_more: hasMore }) => (hasMore ? data.at(-1)?.row : undefined),
    staleTime: Infinity,
  });
}

export function diffQuery(place: VersionPlace, base: number) {
  return queryOptions({
    queryKey: ['dataset-diff', place, base],
    queryFn: ({ signal }) => call<DataDiff>(`${versionPath(place)}/diff?base=${base}`, { signal }),
    staleTime: Infinity,
  });
}

/** `model` empty is the platform's usual one. With `loss` a worker computes: that takes seconds. */
export function xrayQuery(place: VersionPlace, row: number, model: string, loss: boolean) {
  return queryOptions({
    queryKey: ['row-xray', place, row, model, loss],
    queryFn: ({ signal }) => {
      const query = new URLSearchParams({ ...(model !== '' && { model }), ...(loss && { loss: 'true' }) });
      return call<RowXray>(`${versionPath(place)}/rows/${row}/xray?${query.toString()}`, { signal });
    },
    staleTime: Infinity,
    retry: false,
  });
}

export function examplesQuery() {
  return queryOptions({
    queryKey: ['examples'],
    queryFn: ({ signal }) => call<ExampleSetList>('/api/v1/examples', { signal }),
    staleTime: Infinity,
  });
}
