/** `tuneloop alias rm`: deletes a name; the model it stood for stays. */
import type { AliasDeleted } from '#contract/alias.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  words: [['<name>', 'the alias']],
  examples: ['tuneloop alias rm support', 'tuneloop alias rm support --json name,deleted'],
  fields: ['object', 'name', 'deleted'],
  async run({ out, client }, { words: [name] }) {
    const path = `/api/v1/aliases/${encodeURIComponent(name!)}`;
    const deleted = await (await client()).ask<AliasDeleted>(path, { method: 'DELETE' });
    out.print(deleted, () => `the alias ${deleted.name} is deleted`);
  },
};
