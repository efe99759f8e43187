/** The rows of a version: all of them one after the other, or a page from anywhere. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { readLines } from '#platform/core/json-lines.ts';
import { readRowLine, type DataRow } from './data-row.ts';
import type { DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { rowsBetweenOffsets } from './write-version.ts';

export interface NumberedRow {
  /** 1, 2, 3 … */
  number: number;
  row: DataRow;
}

const unlimited = Number.MAX_SAFE_INTEGER;

/** From the first row, or from `first` on. */
export async function* readVersion(files: Files, version: DatasetVersionRow, first = 1): AsyncIterable<NumberedRow> {
  for await (const { number, line } of readVersionLines(files, version, first)) yield { number, row: readRowLine(line) };
}

export async function* readVersionLines(
  files: Files,
  version: DatasetVersionRow,
  first = 1,
): AsyncIterable<{ number: number; line: string }> {
  const { body, number: starts } = await openAt(files, version, first);
  try {
    for await (const { number, bytes } of readLines(body, unlimited)) {
      if (starts + number - 1 >= first) yield { number: starts + number - 1, line: bytes!.toString('utf8') };
    }
  } finally {
    body.destroy();
  }
}

/** A stream that begins at a row not after `first`, and that row's number. */
async function openAt(files: Files, version: DatasetVersionRow, first: number): Promise<{ body: Readable; number: number }> {
  const path = files.objects.path(version.object_key);
  const step = Math.min(Math.floor((first - 1) / rowsBetweenOffsets), version.row_offsets.length - 1);
  if (step <= 0 || path === null) return { body: await files.objects.get(version.object_key), number: 1 };
  return { body: createReadStream(path, { start: version.row_offsets[step]! }), number: step * rowsBetweenOffsets + 1 };
}

/** At most `limit` rows after that number. */
export async function rowPage(files: Files, version: DatasetVersionRow, after: number, limit: number): Promise<NumberedRow[]> {
  const rows: NumberedRow[] = [];
  for await (const row of readVersion(files, version, after + 1)) {
    rows.push(row);
    if (rows.length === limit) break;
  }
  return rows;
}

/** These rows, in the order of their numbers. */
export async function pickRows(files: Files, version: DatasetVersionRow, numbers: readonly number[]): Promise<NumberedRow[]> {
  const rows: NumberedRow[] = [];
  for (const number of numbers.toSorted((left, right) => left - right)) {
    for await (const row of readVersion(files, version, number)) {
      rows.push(row);
      break;
    }
  }
  return rows;
}
