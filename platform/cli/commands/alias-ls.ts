/** `tuneloop alias ls`: names that stand for a model; with a name, what that has stood for. */
import type { Alias, AliasChange } from '#contract/alias.ts';
import type { Command } from '../command.ts';
import { ago, table } from '../table.ts';

export const aliasFields = ['object', 'name', 'model', 'revision', 'created_at', 'updated_at', 'history'] as const;

export const command: Command = {
  words: [['[name]', 'one alias, with its history']],
  examples: ['tuneloop alias ls', 'tuneloop alias ls support', 'tuneloop alias ls --json name,model'],
  fields: aliasFields,
  async run({ out, client: openClient }, { words: [name] }) {
    const client = await openClient();
    if (name !== undefined) {
      const alias = await client.ask<Alias>(`/api/v1/aliases/${encodeURIComponent(name)}`);
      out.print(alias, () => `${alias.name} stands for ${alias.model}\n\n${history(alias.history)}`);
      return;
    }
    const { data } = await client.ask<{ data: Alias[] }>('/api/v1/aliases');
    out.print(data, () => (data.length === 0 ? 'no alias yet; make one with: tuneloop alias set NAME MODEL' : list(data)));
  },
};

function list(aliases: Alias[]): string {
  const rows = aliases.map(({ name, model, revision, updated_at }) => [name, model, String(revision), ago(updated_at)]);
  return table([['NAME', 'STANDS FOR', 'REVISION', 'SINCE'], ...rows]);
}

function history(changes: AliasChange[]): string {
  const rows = changes.map(({ revision, action, model, restores, reason, at }) => {
    const what = restores === null ? action : `${action} to ${restores}`;
    return [String(revision), what, model ?? '', ago(at), reason ?? ''];
  });
  return table([['REVISION', 'CHANGE', 'MODEL', 'WHEN', 'WHY'], ...rows]);
}
