/** A JSON array of rows, read element by element; or an object that holds one, read at once. */
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { PlatformError } from '#platform/core/errors.ts';
import { jsonRow, mostRowBytes, tooLong, type SourceRow } from './container.ts';

const mostObjectBytes = 64 * 2 ** 20;
/** Where an object keeps its rows, by the names in use. */
const listNames = ['data', 'rows', 'examples', 'items', 'train', 'instances', 'records'];

export async function* readJson(path: string): AsyncIterable<SourceRow> {
  if ((await firstSign(path)) === '[') yield* elements(createReadStream(path));
  else yield* readObject(path);
}

async function firstSign(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.subarray(0, bytesRead).toString('utf8').replace('\uFEFF', '').trimStart()[0];
  } finally {
    await file.close();
  }
}

async function* readObject(path: string): AsyncIterable<SourceRow> {
  if ((await stat(path)).size > mostObjectBytes) {
    throw new PlatformError(
      'invalid_request',
      'the file is one JSON object of more than 64 MiB: write its rows as a JSON array, or one a line',
    );
  }
  const whole = jsonRow(1, await readFile(path));
  const value = whole.value as Record<string, unknown> | null | undefined;
  const name = typeof value === 'object' && value !== null ? listNames.find((each) => Array.isArray(value[each])) : undefined;
  if (name === undefined) yield whole;
  else for (const [index, row] of (value![name] as unknown[]).entries()) yield { number: index + 1, value: row };
}

const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = Buffer.from('"\\,[]{}');

/** The elements of the outermost array. What is no JSON inside of one harms none beside it, as long as its brackets and quotes are closed. */
async function* elements(body: AsyncIterable<Buffer>): AsyncIterable<SourceRow> {
  let [depth, inText, isEscaped, number, size] = [0, false, false, 0, 0];
  let parts: Buffer[] = [];
  const take = (piece: Buffer): void => {
    size += piece.length;
    if (size <= mostRowBytes) parts.push(piece);
    else parts = [];
  };
  const element = (isLast: boolean): SourceRow | null => {
    const bytes = Buffer.concat(parts);
    const isTooLong = size > mostRowBytes;
    [parts, size] = [[], 0];
    if (isLast && number === 0 && bytes.toString('utf8').trim() === '') return null;
    return isTooLong ? { number: ++number, problem: tooLong, raw: '' } : jsonRow(++number, bytes);
  };
  for await (const chunk of body) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) inText = false;
        continue;
      }
      if (byte === quote) inText = true;
      else if (byte === openBracket || byte === openBrace) {
        if (depth++ === 0) start = at + 1;
      } else if (byte === closeBracket || byte === closeBrace) {
        if (--depth > 0) continue;
        take(chunk.subarray(start, at));
        const last = element(true);
        if (last) yield last;
        return;
      } else if (byte === comma && depth === 1) {
        take(chunk.subarray(start, at));
        yield element(false)!;
        start = at + 1;
      }
    }
    if (depth > 0) take(chunk.subarray(start));
  }
  yield { number: number + 1, problem: 'the file ends in the middle of its array', raw: '' };
}
