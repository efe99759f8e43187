/** One JSON value a line. */
import { createReadStream } from 'node:fs';
import { readLines } from '#platform/core/json-lines.ts';
import { jsonRow, mostRowBytes, tooLong, type SourceRow } from './container.ts';

export async function* readJsonl(path: string): AsyncIterable<SourceRow> {
  for await (const { number, bytes } of readLines(createReadStream(path), mostRowBytes)) {
    if (bytes === null) yield { number, problem: tooLong, raw: '' };
    else {
      const line = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
      if (!isBlank(line)) yield jsonRow(number, line);
    }
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}
