/** Which container a file is, by its first and last bytes; its name only settles what those leave open. */
import { open } from 'node:fs/promises';
import type { DataContainer } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** Throws `invalid_request` for UTF-16, and for what is neither text nor Parquet. */
export async function detectContainer(path: string, filename: string): Promise<DataContainer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
    if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))
      throw new PlatformError('invalid_request', `${filename} is UTF-16: save it as UTF-8`);
    if (head.includes(0)) throw new PlatformError('invalid_request', `${filename} is neither text nor Parquet`);
    return ofText(head.toString('utf8').replace('\uFEFF', '').trimStart(), filename);
  } finally {
    await file.close();
  }
}

function ofText(head: string, filename: string): DataContainer {
  const extension = /\.(\w+)$/.exec(filename)?.[1]?.toLowerCase();
  if (extension === 'csv' || extension === 'tsv') return 'csv';
  const [line = ''] = head.split('\n', 1);
  if (head.startsWith('{')) return extension !== 'jsonl' && !isJson(line) && line.length < head.length ? 'json' : 'jsonl';
  // A list a line is JSONL, too, if an odd one.
  if (head.startsWith('[')) return extension === 'jsonl' || (isJson(line) && head.length > line.length + 1) ? 'jsonl' : 'json';
  return /[,;\t]/.test(line) && extension !== 'jsonl' && extension !== 'json' ? 'csv' : 'jsonl';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
