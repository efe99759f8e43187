/** `tuneloop data add`: a file of any format becomes a dataset, or a new version of one. */
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import type { DatasetVersion } from '#contract/datasets.ts';
import { DataContainer, DataFormat } from '#contract/row-formats.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import { count, versionFields } from '../find-dataset.ts';

export const command: Command = {
  words: [['<file>', 'JSONL, JSON, CSV or Parquet']],
  flags: [
    { flags: '-n, --name <name>', description: 'of the dataset; the name of the file when left out' },
    {
      flags: '--format <format>',
      description: `told from the rows when left out: ${DataFormat.options.join(', ')}`,
      parse: oneOf(DataFormat.options),
    },
    {
      flags: '--container <container>',
      description: `told from the file when left out: ${DataContainer.options.join(', ')}`,
      parse: oneOf(DataContainer.options),
    },
    { flags: '--column <theirs=ours>', description: 'a column to rename first; may be repeated', parse: readColumn },
    { flags: '--description <text>', description: 'what the rows are about' },
  ],
  examples: [
    'tuneloop data add examples/data/lumen-support.jsonl',
    'tuneloop data add faq.csv --name support --column question=prompt --column reply=completion',
    'tuneloop data add pairs.parquet --json id,rows,format',
  ],
  fields: versionFields,
  async run({ out, client: openClient }, { words: [file], flags }) {
    const client = await openClient();
    const form = new FormData();
    form.set('name', (flags.name as string | undefined) ?? nameOf(file!));
    for (const field of ['format', 'container', 'description']) if (flags[field] !== undefined) form.set(field, flags[field] as string);
    if (flags.column) form.set('columns', JSON.stringify(flags.column));
    form.set('file', await openAsBlob(file!).catch(noFile(file!)), basename(file!));
    const version = await client.ask<DatasetVersion>('/api/v1/datasets/upload', { method: 'POST', body: form });
    out.print(version, () => describe(version));
  },
};

function describe({ dataset, version, rows, invalid_rows, format, kind }: DatasetVersion): string {
  const bad = invalid_rows > 0 ? `, ${count(invalid_rows)} of which could not be read` : '';
  return [
    `${dataset}@${version}  ${count(rows)} rows${bad}  ${format} (${kind})`,
    `  check it  tuneloop data check ${dataset}`,
    ...(kind === 'chat' || kind === 'text' ? [`  train     tuneloop train ${dataset}@${version}`] : []),
  ].join('\n');
}

/** `my rows.v2.jsonl` → `my-rows.v2`. */
function nameOf(file: string): string {
  return (
    basename(file)
      .replace(/\.(jsonl|json|csv|tsv|parquet|txt)$/i, '')
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 100) || 'dataset'
  );
}

function noFile(file: string) {
  return (cause: unknown): never => {
    throw new CliError('usage', `there is no file ${file}`, { fix: 'tuneloop data add examples/data/lumen-support.jsonl', cause });
  };
}

function oneOf(choices: readonly string[]) {
  return (text: string): string => {
    if (!choices.includes(text)) throw new RangeError(`takes one of ${choices.join(', ')}`);
    return text;
  };
}

function readColumn(text: string, before: unknown): Record<string, string> {
  const [, theirs, ours] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (theirs === undefined) throw new RangeError(`takes theirs=ours, not "${text}"`);
  return { ...(before as Record<string, string> | undefined), [theirs]: ours! };
}
