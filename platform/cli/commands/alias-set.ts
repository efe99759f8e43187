/** `tuneloop alias set`: makes an alias, or points it at another model once that is loaded. */
import type { Alias } from '#contract/alias.ts';
import type { Command } from '../command.ts';
import { aliasFields } from './alias-ls.ts';

export const command: Command = {
  words: [
    ['<name>', 'the alias'],
    ['<model>', 'the tuned model, checkpoint or base model that answers under the name from now on'],
  ],
  flags: [{ flags: '--reason <text>', description: 'why, for whoever reads the history' }],
  examples: [
    'tuneloop alias set support ft:smollm2-135m-instruct:default:lumen:aB3dE6f8',
    'tuneloop alias set support MODEL --reason "knows the spring catalogue"',
  ],
  fields: aliasFields,
  async run({ out, client }, { words: [name, model], flags }) {
    const path = `/api/v1/aliases/${encodeURIComponent(name!)}`;
    const alias = await (await client()).ask<Alias>(path, { method: 'PUT', body: { model, reason: flags.reason ?? null } });
    out.print(alias, () => `${alias.name} stands for ${alias.model}; go back with: tuneloop alias rollback ${alias.name}`);
  },
};
