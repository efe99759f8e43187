/** Parquet, one row group at a time: as much of it is in memory as the writer put into a group. */
import { open } from 'node:fs/promises';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { PlatformError } from '#platform/core/errors.ts';
import type { SourceRow } from './container.ts';

/** Rows decoded at once; files with an offset index let a part of a group be read. */
const mostRows = 10_000;

/** Throws `invalid_request` for a file that is not Parquet, or is cut off. */
export async function* readParquet(path: string): AsyncIterable<SourceRow> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const file: AsyncBuffer = {
      byteLength: size,
      slice: async (start, end = size) => {
        const bytes = new Uint8Array(Math.max(0, end - start));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        return bytes.buffer.slice(0, bytesRead);
      },
    };
    yield* groups(file);
  } finally {
    await handle.close();
  }
}

async function* groups(file: AsyncBuffer): AsyncIterable<SourceRow> {
  const metadata = await readable(parquetMetadataAsync(file));
  let first = 0;
  for (const group of metadata.row_groups) {
    const end = first + Number(group.num_rows);
    const hasIndex = group.columns.every((column) => column.offset_index_offset !== undefined);
    const step = hasIndex ? mostRows : Number(group.num_rows);
    for (let start = first; start < end; start += step) {
      const range = { rowStart: start, rowEnd: Math.min(end, start + step) };
      const rows = await readable(parquetReadObjects({ file, metadata, compressors, useOffsetIndex: hasIndex, ...range }));
      for (const [index, row] of rows.entries()) yield { number: start + index + 1, value: plain(row) };
    }
    first = end;
  }
}

async function readable<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (cause) {
    throw new PlatformError('invalid_request', `the file cannot be read as Parquet: ${(cause as Error).message}`, { cause });
  }
}

/** Parquet's own types as JSON has them. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
