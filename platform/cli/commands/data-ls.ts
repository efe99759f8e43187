/** `tuneloop data ls`: the datasets; with a name, its versions and what each was made from. */
import type { Dataset, DatasetVersion } from '#contract/datasets.ts';
import type { Command } from '../command.ts';
import { count, versionFields } from '../find-dataset.ts';
import { ago, table } from '../table.ts';

export const command: Command = {
  words: [['[name]', 'one dataset, with its versions']],
  examples: ['tuneloop data ls', 'tuneloop data ls lumen-support', 'tuneloop data ls --json name,latest.rows'],
  fields: ['name', 'description', 'versions', 'latest', ...versionFields],
  async run({ out, client: openClient }, { words: [name] }) {
    const client = await openClient();
    if (name === undefined) {
      const sets: Dataset[] = [];
      for await (const dataset of client.pages<Dataset>('/api/v1/datasets', { limit: 100 })) sets.push(dataset);
      out.print(sets, () => (sets.length === 0 ? 'no dataset yet; make one with: tuneloop data add FILE' : describeSets(sets)));
      return;
    }
    const { data } = await client.ask<{ data: DatasetVersion[] }>(`/api/v1/datasets/${encodeURIComponent(name)}/versions`);
    out.print(data, () => describeVersions(data));
  },
};

function describeSets(sets: Dataset[]): string {
  const rows = sets.map(({ name, versions, latest, created_at }) => [
    name,
    String(versions),
    latest ? count(latest.rows) : '',
    latest?.kind ?? '',
    latest ? health(latest) : '',
    ago(latest?.created_at ?? created_at),
  ]);
  return table([['NAME', 'VERSIONS', 'ROWS', 'KIND', 'HEALTH', 'CHANGED'], ...rows]);
}

function describeVersions(versions: DatasetVersion[]): string {
  const numbers = new Map(versions.map(({ id, version }) => [id, `of version ${version}`]));
  const rows = versions.map((each) => [
    `${each.dataset}@${each.version}`,
    count(each.rows),
    each.operation,
    each.parent_id === null ? ((each.parameters.filename as string | undefined) ?? '') : (numbers.get(each.parent_id) ?? each.parent_id),
    health(each),
    ago(each.created_at),
  ]);
  return table([['VERSION', 'ROWS', 'BY', 'FROM', 'HEALTH', 'MADE'], ...rows]);
}

const health = ({ health: share, findings }: DatasetVersion): string =>
  share === null ? 'not checked' : `${share} %${findings ? `, ${findings} findings` : ''}`;
