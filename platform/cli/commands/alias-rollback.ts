/** `tuneloop alias rollback`: what answered before answers again; once more goes further back. */
import type { Alias } from '#contract/alias.ts';
import type { Command } from '../command.ts';
import { aliasFields } from './alias-ls.ts';

export const command: Command = {
  words: [['<name>', 'the alias']],
  flags: [{ flags: '--reason <text>', description: 'why, for whoever reads the history' }],
  examples: ['tuneloop alias rollback support', 'tuneloop alias rollback support --reason "answers too long" --json model'],
  fields: aliasFields,
  async run({ out, client }, { words: [name], flags }) {
    const path = `/api/v1/aliases/${encodeURIComponent(name!)}/rollback`;
    const alias = await (await client()).ask<Alias>(path, { method: 'POST', body: { reason: flags.reason ?? null } });
    out.print(alias, () => `${alias.name} stands for ${alias.model} again`);
  },
};
