/** `tuneloop data convert`: rows of another kind, as a dataset of their own. To have the same rows in another format, export them. */
import type { DatasetVersion } from '#contract/datasets.ts';
import type { Command } from '../command.ts';
import { count, versionFields, versionPath, versionWord } from '../find-dataset.ts';

export const command: Command = {
  words: [versionWord],
  flags: [
    { flags: '--to <kind>', description: 'chat, text, unpaired or prompt; or a format of that kind' },
    { flags: '-n, --name <name>', description: 'of the dataset that takes them' },
  ],
  examples: ['tuneloop data convert pairs --to chat', 'tuneloop data convert pairs@2 --to unpaired --name pairs-kto --json id,rows'],
  fields: versionFields,
  async run({ out, client }, { words: [reference], flags }) {
    const body = { to: flags.to, name: flags.name };
    const made = await (await client()).ask<DatasetVersion>(`${versionPath(reference!)}/convert`, { method: 'POST', body });
    out.print(made, () => `${made.dataset}@${made.version}  ${count(made.rows)} rows  ${made.format} (${made.kind})`);
  },
};
