/** Writes a version of a dataset: its rows to the object store, one after the other, then the row that vouches for them. */
import { Readable } from 'node:stream';
import type { Insertable } from 'kysely';
import type { DatasetVersion } from '#contract/datasets.ts';
import type { DataFormat, RowKind } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { DatasetVersionTable } from '#platform/storage/tables.ts';
import { rowLine, type DataRow } from './data-row.ts';
import type { DatasetRow, DatasetVersionRow } from './datasets.ts';
import { dropUnstored, type Files } from './files.ts';
import { RowStats } from './row-stats.ts';
import { takeTurns } from './turns-of-work.ts';

export interface NewVersion {
  dataset: DatasetRow;
  kind: RowKind;
  format: DataFormat;
  operation: DatasetVersion['operation'];
  parameters: Record<string, unknown>;
  parentId: string | null;
}

/** Every so many rows the byte is noted at which the next begins. */
export const rowsBetweenOffsets = 1000;
const pieceBytes = 64 * 1024;

/**
 * The version that these rows are: a new one, or the one of this dataset that has the same rows already. Memory stays flat, but for
 * some bytes a row. Throws `invalid_request` when there is no row, `disk_full`, and what `rows` throws; then nothing is left of it.
 */
export async function writeVersion(
  files: Files,
  version: NewVersion,
  rows: AsyncIterable<DataRow> | Iterable<DataRow>,
): Promise<DatasetVersionRow> {
  const id = newId('dsv-');
  const object_key = `datasets/${id}`;
  const stats = new RowStats();
  const offsets: number[] = [];
  const { bytes, sha256 } = await files.objects.put(object_key, Readable.from(lines(rows, stats, offsets), { objectMode: true }));
  try {
    const counted = stats.result();
    if (counted.rows === 0)
      throw new PlatformError('invalid_request', `${version.dataset.name}: no row is left, so there is no version to make`);
    return await insertVersion(files, {
      id,
      object_key,
      bytes,
      sha256,
      dataset_id: version.dataset.id,
      project_id: version.dataset.project_id,
      kind: version.kind,
      format: version.format,
      rows: counted.rows,
      invalid_rows: counted.invalid_rows,
      row_offsets: JSON.stringify(offsets),
      operation: version.operation,
      parameters: JSON.stringify(version.parameters),
      parent_id: version.parentId,
      stats: JSON.stringify(counted),
      report: null,
    });
  } catch (error) {
    await dropUnstored(files, object_key, error);
    throw error;
  }
}

async function* lines(rows: AsyncIterable<DataRow> | Iterable<DataRow>, stats: RowStats, offsets: number[]): AsyncIterable<Buffer> {
  const turn = takeTurns();
  let [count, offset, text, size] = [0, 0, [] as Buffer[], 0];
  for await (const row of rows) {
    stats.add(row);
    const line = Buffer.from(`${rowLine(row)}\n`);
    if (count++ % rowsBetweenOffsets === 0) offsets.push(offset);
    offset += line.length;
    text.push(line);
    size += line.length;
    if (size >= pieceBytes) {
      yield Buffer.concat(text);
      [text, size] = [[], 0];
    }
    const others = turn();
    if (others) await others;
  }
  if (size > 0) yield Buffer.concat(text);
}

type InsertedVersion = Omit<Insertable<DatasetVersionTable>, 'version'>;

/** Numbers versions without gaps, whoever else writes one at the same time. */
async function insertVersion(files: Files, values: InsertedVersion): Promise<DatasetVersionRow> {
  const stored = await files.db.transaction().execute(async (db) => {
    await db.selectFrom('datasets').select('id').where('id', '=', values.dataset_id).forUpdate().executeTakeFirst();
    const same = await db
      .selectFrom('dataset_versions')
      .selectAll()
      .where('dataset_id', '=', values.dataset_id)
      .where('sha256', '=', values.sha256)
      .executeTakeFirst();
    if (same) return same;
    const { last } = await db
      .selectFrom('dataset_versions')
      .select((select) => select.fn.max('version').as('last'))
      .where('dataset_id', '=', values.dataset_id)
      .executeTakeFirstOrThrow();
    return db
      .insertInto('dataset_versions')
      .values({ ...values, version: (last ?? 0) + 1 })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  if (stored.object_key !== values.object_key) await files.objects.delete(values.object_key);
  return stored;
}
