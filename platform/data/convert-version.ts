/** A version of one kind as a dataset of another: the better answers of preferences as chats, and their like. */
import type { DataConvertRequest } from '#contract/datasets.ts';
import { RowKind, type DataFormat } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { DataRow } from './data-row.ts';
import { ensureDataset, getDataset, type DatasetVersionRow } from './datasets.ts';
import { deriveRow } from './derive-row.ts';
import type { Files } from './files.ts';
import { formats } from './formats/index.ts';
import { readVersion } from './read-version.ts';
import { RowRefused } from './row-refused.ts';
import { writeVersion } from './write-version.ts';

/** What a kind is exported in. */
const usualFormats: Record<RowKind, DataFormat> = {
  chat: 'messages',
  text: 'completion',
  preference: 'preference_openai',
  unpaired: 'unpaired',
  prompt: 'prompts',
};

/** Rows that hold nothing of the kind become invalid ones, with the reason. Throws `invalid_request` when none holds anything. */
export async function convertVersion(
  files: Files,
  version: DatasetVersionRow,
  { to, name }: DataConvertRequest,
): Promise<DatasetVersionRow> {
  const isKind = RowKind.safeParse(to).success;
  const kind = isKind ? (to as RowKind) : formats[to as DataFormat].kind;
  const format = isKind ? usualFormats[kind] : (to as DataFormat);
  if (kind === version.kind) {
    throw new PlatformError(
      'invalid_request',
      `to: the rows are of the kind ${kind} already; to have them in another format, export them`,
      { param: 'to' },
    );
  }
  const from = await getDataset(files, version.project_id, version.dataset_id);
  await refuseImpossible(files, version, kind);
  const dataset = await ensureDataset(files, version.project_id, name ?? `${from.name}-${kind}`);
  return writeVersion(
    files,
    { dataset, kind, format, operation: 'convert', parameters: { to }, parentId: version.id },
    derived(files, version, kind),
  );
}

/** Told by the first valid row: whether a kind can be made of another does not depend on the row, but for details. */
async function refuseImpossible(files: Files, version: DatasetVersionRow, kind: RowKind): Promise<void> {
  let why: string | null = null;
  let seen = 0;
  for await (const { row } of readVersion(files, version)) {
    if (row.kind === 'invalid') continue;
    try {
      deriveRow(row, kind);
      return;
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      why ??= error.message;
    }
    if (++seen === 1000) break;
  }
  throw new PlatformError('invalid_request', `to: ${why ?? 'there is no valid row'}`, { param: 'to' });
}

async function* derived(files: Files, version: DatasetVersionRow, kind: RowKind): AsyncIterable<DataRow> {
  for await (const { row } of readVersion(files, version)) {
    if (row.kind === 'invalid') {
      yield row;
      continue;
    }
    try {
      yield* deriveRow(row, kind);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      yield { kind: 'invalid', reason: error.message, raw: '' };
    }
  }
}
