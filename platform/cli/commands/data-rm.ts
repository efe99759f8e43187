/** `tuneloop data rm`: deletes a dataset with all its versions, after a typed yes or with --yes. */
import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  words: [['<name>', 'the dataset']],
  flags: [{ flags: '-y, --yes', description: 'do not ask' }],
  examples: ['tuneloop data rm lumen-support', 'tuneloop data rm lumen-support --yes --json'],
  fields: ['id', 'object', 'deleted'],
  async run({ out, client, stdin, stderr }, { words: [name], flags }) {
    if (!flags.yes) {
      const fix = `tuneloop data rm ${name} --yes`;
      if (!stdin.isTTY) throw new CliError('usage', 'deleting a dataset asks first, and there is no terminal to ask on', { fix });
      const question = createInterface({ input: stdin, output: stderr });
      const answer = await question.question(`delete ${name} with all its versions? type yes: `);
      question.close();
      if (answer.trim() !== 'yes') throw new CliError('usage', 'nothing was deleted', { fix });
    }
    const path = `/api/v1/datasets/${encodeURIComponent(name!)}`;
    const deleted = await (await client()).ask<{ id: string }>(path, { method: 'DELETE' });
    out.print(deleted, () => `the dataset ${name} is deleted`);
  },
};
