/** `tuneloop data export`: all rows of a version in any format and container, to a file or to standard output. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';
import { extname } from 'node:path';
import type { Command } from '../command.ts';
import { versionPath, versionWord } from '../find-dataset.ts';

export const command: Command = {
  words: [versionWord],
  flags: [
    { flags: '-o, --output <file>', description: 'standard output when left out; its ending chooses the container' },
    { flags: '--format <format>', description: 'messages, instruction, sharegpt, …; canonical rows when left out' },
    { flags: '--container <container>', description: 'jsonl, json, csv or parquet' },
    { flags: '--skip', description: 'leave out rows that the format has no place for' },
  ],
  examples: [
    'tuneloop data export lumen-support --format sharegpt',
    'tuneloop data export support@2 --format instruction -o support.csv --skip',
  ],
  fields: ['file', 'bytes'],
  async run({ out, client, stdout }, { words: [reference], flags }) {
    const { output, format, skip } = flags as { output?: string; format?: string; skip?: boolean };
    const container = (flags.container as string | undefined) ?? containerOf(output);
    const query = { format, container, skip: skip ? 'true' : undefined };
    const response = await (await client()).fetch(`${versionPath(reference!)}/export`, { query });
    const body = Readable.fromWeb(response.body as ReadableStream);
    if (output === undefined) {
      for await (const chunk of body) stdout.write(chunk as Buffer);
      return;
    }
    const file = createWriteStream(output);
    await pipeline(body, file);
    out.print({ file: output, bytes: file.bytesWritten }, () => `${output}  ${file.bytesWritten.toLocaleString('en-US')} bytes`);
  },
};

function containerOf(output: string | undefined): string | undefined {
  const ending = output === undefined ? '' : extname(output).slice(1).toLowerCase();
  return ['jsonl', 'json', 'csv', 'parquet'].includes(ending) ? ending : undefined;
}
