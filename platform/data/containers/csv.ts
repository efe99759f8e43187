/** A table as text: the first line names the columns; commas, semicolons or tabs between them. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse';
import { PlatformError } from '#platform/core/errors.ts';
import { cut, mostRowBytes, type SourceRow } from './container.ts';

/** An empty cell is a column that the row does not have. Throws `invalid_request` for a quote that is never closed. */
export async function* readCsv(path: string): AsyncIterable<SourceRow> {
  const parser = createReadStream(path).pipe(
    parse({
      delimiter: await delimiterOf(path),
      bom: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: mostRowBytes,
    }),
  );
  let header: string[] | null = null;
  let number = 0;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (header === null) header = cells.map((cell) => cell.trim());
      else yield tableRow(++number, header, cells);
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (!code?.startsWith('CSV_')) throw error;
    throw new PlatformError('invalid_request', `the table cannot be read after row ${number}: ${message}`, { cause: error });
  }
}

function tableRow(number: number, header: string[], cells: string[]): SourceRow {
  if (cells.length !== header.length)
    return { number, problem: `${cells.length} cells, where the first line names ${header.length} columns`, raw: cut(cells.join(',')) };
  return { number, value: Object.fromEntries(header.flatMap((name, column) => (cells[column] === '' ? [] : [[name, cells[column]]]))) };
}

/** The sign that the first line has most of, outside of quotes. */
async function delimiterOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    const head = buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .replaceAll(/"[^"]*"/g, '')
      .split('\n')[0]!;
    const count = (sign: string): number => head.split(sign).length;
    return [',', '\t', ';'].toSorted((left, right) => count(right) - count(left))[0]!;
  } finally {
    await file.close();
  }
}
