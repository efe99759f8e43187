/** `tuneloop model rm`: deletes a tuned model or a checkpoint, after a typed yes or with --yes. */
import { createInterface } from 'node:readline/promises';
import type { ModelDeleted } from '#contract/openai/models.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  words: [['<id>', 'the tuned model or checkpoint']],
  flags: [{ flags: '-y, --yes', description: 'do not ask' }],
  examples: ['tuneloop model rm ft:smollm2-135m-instruct:default:lumen:aB3dE6f8', 'tuneloop model rm MODEL --yes --json'],
  fields: ['id', 'object', 'deleted'],
  async run({ out, client, stdin, stderr }, { words: [id], flags }) {
    if (!flags.yes) {
      if (!stdin.isTTY)
        throw new CliError('usage', 'deleting a model asks first, and there is no terminal to ask on', {
          fix: `tuneloop model rm ${id} --yes`,
        });
      const question = createInterface({ input: stdin, output: stderr });
      const answer = await question.question(`delete ${id} for good? type yes: `);
      question.close();
      if (answer.trim() !== 'yes') throw new CliError('usage', 'nothing was deleted', { fix: `tuneloop model rm ${id} --yes` });
    }
    const deleted = await (await client()).ask<ModelDeleted>(`/v1/models/${encodeURIComponent(id!)}`, { method: 'DELETE' });
    out.print(deleted, () => `${deleted.id} is deleted`);
  },
};
