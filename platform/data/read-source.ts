/** The rows of a file of any format and container, in the one form that datasets keep. */
import type { DataContainer, DataFormat, RowKind } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { cut, type SourceRow } from './containers/container.ts';
import { containers } from './containers/index.ts';
import type { DataRow } from './data-row.ts';
import { detectContainer } from './detect-container.ts';
import { detectFormat, type Detected } from './detect-format.ts';
import type { RowFormat } from './formats/format.ts';
import { formats } from './formats/index.ts';
import { RowRefused } from './row-refused.ts';

export interface SourceOptions {
  /** Told from the rows when left out. */
  format?: DataFormat | undefined;
  container?: DataContainer | undefined;
  /** Columns to rename first: their name in the file → the name that the format knows. */
  columns?: Record<string, string> | undefined;
}

export interface OpenSource {
  container: DataContainer;
  format: DataFormat;
  kind: RowKind;
  detected: Detected;
  /** `number` is the row's place in the file. A row that cannot be read comes as `invalid`, with the reason. */
  rows(): AsyncIterable<{ number: number; row: DataRow }>;
}

/** Rows that are looked at to tell the format. */
const mostSampled = 200;

/** A file on this machine; `filename` is what people call it. Throws `invalid_request` when no format is named and none fits. */
export async function openSource(path: string, filename: string, options: SourceOptions = {}): Promise<OpenSource> {
  const { container, detected } = await lookAt(path, filename, options);
  const format = options.format ?? detected.format;
  if (format === null) throw new PlatformError('invalid_request', `${filename}: ${detected.reasons.join('; ')}`, { param: 'format' });
  const { kind } = formats[format];
  return { container, format, kind, detected, rows: () => readRows(path, container, formats[format], options.columns) };
}

export interface LookedAt {
  container: DataContainer;
  detected: Detected;
  /** Values of the first rows, columns renamed. */
  sample: unknown[];
}

/** What the file is, by its first rows. Throws `invalid_request`. */
export async function lookAt(path: string, filename: string, options: SourceOptions = {}): Promise<LookedAt> {
  const container = options.container ?? (await detectContainer(path, filename));
  const sample: unknown[] = [];
  let seen = 0;
  for await (const { value } of (await containers[container]())(path)) {
    if (value !== undefined) sample.push(renamed(value, options.columns));
    if (sample.length === mostSampled || ++seen === 2 * mostSampled) break;
  }
  return { container, detected: detectFormat(sample), sample };
}

async function* readRows(
  path: string,
  container: DataContainer,
  format: RowFormat,
  columns: SourceOptions['columns'],
): AsyncIterable<{ number: number; row: DataRow }> {
  for await (const source of (await containers[container]())(path)) {
    for (const row of readRow(source, format, columns)) yield { number: source.number, row };
  }
}

function readRow({ value, problem, raw }: SourceRow, format: RowFormat, columns: SourceOptions['columns']): DataRow[] {
  if (problem !== undefined) return [{ kind: 'invalid', reason: problem, raw: raw ?? '' }];
  const invalid = (reason: string): DataRow[] => [{ kind: 'invalid', reason, raw: cut(JSON.stringify(value) ?? '') }];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid('not a JSON object');
  try {
    return format.read(renamed(value, columns) as Record<string, unknown>);
  } catch (error) {
    if (error instanceof RowRefused) return invalid(error.message);
    throw error;
  }
}

function renamed(value: unknown, columns: SourceOptions['columns']): unknown {
  if (!columns || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [columns[name] ?? name, field]));
}
