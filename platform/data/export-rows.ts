/** The rows of a version in any format that has a place for them, as the bytes of a file. */
import type { DataContainer, DataFormat } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { rowLine } from './data-row.ts';
import { cellText } from './cell-text.ts';
import type { DatasetVersionRow } from './datasets.ts';
import { deriveRow } from './derive-row.ts';
import type { Files } from './files.ts';
import { formats } from './formats/index.ts';
import { readVersion } from './read-version.ts';
import { RowRefused } from './row-refused.ts';

/**
 * Canonical JSONL when no format is named. A row that the format has no place for ends the export with `invalid_request`, unless
 * `skip` says to leave such rows out; so do invalid rows.
 */
export async function* exportRows(
  files: Files,
  version: DatasetVersionRow,
  options: { format?: DataFormat | undefined; container: DataContainer; skip: boolean },
): AsyncIterable<Buffer> {
  const values = formatted(files, version, options.format, options.skip);
  if (options.container === 'jsonl') for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`);
  else if (options.container === 'json') yield* jsonArray(values);
  else if (options.container === 'csv') yield* csv(await columnsOf(files, version, options), values);
  else yield* (await import('./write-parquet.ts')).parquet(await columnsOf(files, version, options), values);
}

async function* formatted(
  files: Files,
  version: DatasetVersionRow,
  format: DataFormat | undefined,
  skip: boolean,
): AsyncIterable<Record<string, unknown>> {
  for await (const { number, row } of readVersion(files, version)) {
    try {
      if (row.kind === 'invalid') throw new RowRefused(`it could not be read: ${row.reason}`);
      if (format === undefined) yield JSON.parse(rowLine(row)) as Record<string, unknown>;
      else for (const derived of deriveRow(row, formats[format].kind)) yield formats[format].write(derived);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      if (skip) continue;
      throw new PlatformError(
        'invalid_request',
        `row ${number} cannot be written as ${format ?? 'JSON'}: ${error.message}; skip=true leaves such rows out`,
        {
          cause: error,
          param: 'format',
        },
      );
    }
  }
}

async function* jsonArray(values: AsyncIterable<unknown>): AsyncIterable<Buffer> {
  let before = '[\n';
  for await (const value of values) {
    yield Buffer.from(before + JSON.stringify(value));
    before = ',\n';
  }
  yield Buffer.from(before === '[\n' ? '[]\n' : '\n]\n');
}

/** Every key that a row has, in the order of their first meeting: a table needs them before its first row. */
async function columnsOf(
  files: Files,
  version: DatasetVersionRow,
  options: { format?: DataFormat | undefined; skip: boolean },
): Promise<string[]> {
  const names = new Set<string>();
  for await (const value of formatted(files, version, options.format, options.skip)) for (const name of Object.keys(value)) names.add(name);
  return [...names];
}

async function* csv(columns: string[], values: AsyncIterable<Record<string, unknown>>): AsyncIterable<Buffer> {
  yield Buffer.from(`${columns.map(cell).join(',')}\n`);
  for await (const value of values) yield Buffer.from(`${columns.map((name) => cell(value[name])).join(',')}\n`);
}

function cell(value: unknown): string {
  const text = cellText(value) ?? '';
  return /[",\n\r]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
