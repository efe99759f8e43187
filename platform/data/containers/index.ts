/** The containers that rows come in. A new one: its file beside these, and a line here. */
import type { DataContainer } from '#contract/row-formats.ts';
import type { ReadContainer } from './container.ts';
import { readJson } from './json.ts';
import { readJsonl } from './jsonl.ts';

/** Libraries are loaded by whoever meets a file that needs them. */
export const containers: Record<DataContainer, () => Promise<ReadContainer>> = {
  jsonl: () => Promise.resolve(readJsonl),
  json: () => Promise.resolve(readJson),
  csv: async () => (await import('./csv.ts')).readCsv,
  parquet: async () => (await import('./parquet.ts')).readParquet,
};
