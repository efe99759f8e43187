/** Which format the rows of a file are in, with how sure that is and why. */
import type { DataFormat, RowKind } from '#contract/row-formats.ts';
import { formats } from './formats/index.ts';
import { RowRefused } from './row-refused.ts';

export interface Detected {
  /** Null when no format fits any row. */
  format: DataFormat | null;
  kind: RowKind | null;
  /** Share of the rows that the format can read. */
  confidence: number;
  reasons: string[];
  alternatives: { format: DataFormat; confidence: number }[];
}

/** `rows` are the first of the file; a few hundred tell. */
export function detectFormat(rows: readonly unknown[]): Detected {
  const objects = rows.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null && !Array.isArray(row));
  const candidates = (Object.keys(formats) as DataFormat[])
    .map((format) => ({ format, ...judge(format, objects) }))
    .filter(({ alike }) => alike > 0)
    // The list of formats is in the order of preference, and sorting keeps it among equals.
    .toSorted((left, right) => right.alike - left.alike || right.readable - left.readable);
  const [best, ...others] = candidates;
  const total = Math.max(1, rows.length);
  if (!best) return { format: null, kind: null, confidence: 0, reasons: [nothingFits(objects, rows.length)], alternatives: [] };
  return {
    format: best.format,
    kind: formats[best.format].kind,
    confidence: best.readable / total,
    reasons: [
      `${best.alike} of ${rows.length} rows: ${best.why}`,
      ...(best.refusal && best.readable < rows.length
        ? [`${rows.length - best.readable} cannot be read, the first because ${best.refusal}`]
        : []),
    ],
    alternatives: others.map(({ format, readable }) => ({ format, confidence: readable / total })),
  };
}

function judge(name: DataFormat, rows: Record<string, unknown>[]) {
  const format = formats[name];
  let [alike, readable, why, refusal] = [0, 0, '', null as string | null];
  for (const row of rows) {
    const reason = format.looksLike(row);
    if (reason === null) continue;
    alike++;
    why ||= reason;
    try {
      format.read(row);
      readable++;
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      refusal ??= error.message;
    }
  }
  return { alike, readable, why, refusal };
}

function nothingFits(objects: Record<string, unknown>[], rows: number): string {
  if (rows === 0) return 'there are no rows';
  if (objects.length === 0) return 'the rows are no JSON objects';
  const keys = Object.keys(objects[0]!)
    .slice(0, 12)
    .map((key) => JSON.stringify(key));
  return `the first row has ${keys.join(', ') || 'no keys'}, which no format here knows; rename its columns, for example to "prompt" and "completion"`;
}
