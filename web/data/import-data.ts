/** From an uploaded file to a version that has been looked through. */
import type { DataFormat } from '#contract/row-formats.ts';
import type { DatasetVersion } from '#contract/datasets.ts';
import type { ExampleFiles } from '#contract/example.ts';
import { call } from '../api/call.ts';
import { queryClient } from '../api/query-client.ts';
import { versionPath, type VersionPlace } from './queries.ts';

/** Longer versions are looked through when one asks for it: it takes minutes. */
export const mostRowsCheckedUnasked = 20_000;

export interface ImportRequest {
  name: string;
  file_id: string;
  format?: DataFormat;
  columns?: Record<string, string>;
}

/** `onStep` is told what is being waited for. */
export async function importData(request: ImportRequest, onStep: (step: string) => void): Promise<DatasetVersion> {
  onStep('Reading the rows');
  const made = await call<DatasetVersion>('/api/v1/datasets', { body: request });
  if (made.rows <= mostRowsCheckedUnasked) {
    onStep(`Looking through ${made.rows.toLocaleString('en-US')} rows`);
    await checkVersion(made);
  }
  await forgetLists();
  return made;
}

/** `against` is the version of held-out rows; empty for none. */
export async function checkVersion(place: VersionPlace, against: string = ''): Promise<void> {
  await call(`${versionPath(place)}/check`, { body: againstOf(against) });
  await queryClient.invalidateQueries({ queryKey: ['dataset-check'] });
}

export const againstOf = (reference: string): { against?: string[] } => (reference === '' ? {} : { against: [reference] });

/** What lists of datasets and versions were is no longer so. */
export async function forgetLists(): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ['datasets'] }),
    queryClient.invalidateQueries({ queryKey: ['dataset-versions'] }),
  ]);
}

/** A set that ships with the platform, and its held-out rows beside it. */
export async function importExample(name: string, onStep: (step: string) => void): Promise<DatasetVersion> {
  onStep('Copying the example');
  const files = await call<ExampleFiles>(`/api/v1/examples/${encodeURIComponent(name)}/files`, { method: 'POST' });
  if (files.validation_file) await importData({ name: `${name}-validation`, file_id: files.validation_file.id }, onStep);
  return importData({ name, file_id: files.training_file.id }, onStep);
}

/** `My chats (3).jsonl` → `My-chats-3`: a name that a dataset may have. */
export function nameOfFile(filename: string): string {
  const plain = filename
    .replace(/(\.(jsonl|json|csv|tsv|parquet|txt|gz|zst))+$/i, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, '');
  return plain.slice(0, 100) || 'data';
}
