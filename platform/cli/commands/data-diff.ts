/** `tuneloop data diff`: rows that came, went or changed between two versions. */
import type { DataDiff, DatasetVersion } from '#contract/datasets.ts';
import { coloursOf, type Colours } from '../colours.ts';
import type { Command } from '../command.ts';
import { count, versionPath } from '../find-dataset.ts';

export const command: Command = {
  words: [
    ['<base>', 'NAME, or NAME@VERSION'],
    ['<other>', 'what came after it'],
  ],
  examples: ['tuneloop data diff lumen-support@1 lumen-support@2', 'tuneloop data diff support@1 support --json added,removed,changed'],
  fields: ['base', 'other', 'added', 'removed', 'changed', 'unchanged', 'rows'],
  async run({ out, client: openClient, stdout, environment }, { words: [base, other] }) {
    const client = await openClient();
    const { id } = await client.ask<DatasetVersion>(versionPath(base!));
    const diff = await client.ask<DataDiff>(`${versionPath(other!)}/diff`, { query: { base: id } });
    out.print(diff, () => describe(diff, coloursOf(stdout, environment)));
  },
};

function describe({ added, removed, changed, unchanged, rows }: DataDiff, { green, red, dim }: Colours): string {
  const lines = rows.flatMap(({ base_row, row, before, after }) => [
    ...(before === null ? [] : [red(`- #${base_row} ${JSON.stringify(before)}`)]),
    ...(after === null ? [] : [green(`+ #${row} ${JSON.stringify(after)}`)]),
  ]);
  const rest = added + removed + changed - rows.length;
  return [
    `${count(added)} added, ${count(removed)} removed, ${count(changed)} changed, ${count(unchanged)} the same`,
    ...lines,
    ...(rest > 0 ? [dim(`… and ${count(rest)} more`)] : []),
  ].join('\n');
}
