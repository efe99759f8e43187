/** The end of a log, for a message. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 16_384;

/** The last lines that are not blank, joined by line ends; empty when there is no such file. */
export function logTail(path: string, lines: number): string {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    const found = buffer
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    return found.slice(-lines).join('\n');
  } catch {
    return '';
  } finally {
    if (file !== null) closeSync(file);
  }
}
