/** What every container of rows is read into: values with their place in the file, and places where there is none. */

/** One row as it stands in the file; `problem` says why there is no value. */
export interface SourceRow {
  /** Line of a JSONL file; else the n-th row. Counts from 1. */
  number: number;
  value?: unknown;
  problem?: string;
  /** What stands there instead, cut where it is long. */
  raw?: string;
}

/** Reads a file on this machine, a bounded part of it at a time. */
export type ReadContainer = (path: string) => AsyncIterable<SourceRow>;

/** No context holds more; what is longer is skipped, not held. */
export const mostRowBytes = 8 * 2 ** 20;
export const tooLong = `longer than ${mostRowBytes / 2 ** 20} MiB`;

export const cut = (text: string): string => (text.length > 2000 ? `${text.slice(0, 2000)}…` : text);

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON value that the bytes are, or why they are none. */
export function jsonRow(number: number, bytes: Uint8Array): SourceRow {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { number, problem: 'not UTF-8 text', raw: cut(Buffer.from(bytes).toString('latin1')) };
  }
  try {
    return { number, value: JSON.parse(text) };
  } catch (error) {
    return { number, problem: `broken JSON: ${(error as Error).message}`, raw: cut(text) };
  }
}
