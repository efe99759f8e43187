/** `tuneloop data show`: everything about a version, but its rows. */
import type { DatasetVersion } from '#contract/datasets.ts';
import type { Command } from '../command.ts';
import { count, versionFields, versionPath, versionWord } from '../find-dataset.ts';
import { ago } from '../table.ts';

export const command: Command = {
  words: [versionWord],
  examples: ['tuneloop data show lumen-support', 'tuneloop data show lumen-support@1 --json sha256,parameters'],
  fields: versionFields,
  async run({ out, client }, { words: [reference] }) {
    const version = await (await client()).ask<DatasetVersion>(versionPath(reference!));
    out.print(version, () => describe(version));
  },
};

function describe(version: DatasetVersion): string {
  const { stats } = version;
  const lines: [string, string][] = [
    ['version', `${version.dataset}@${version.version}  ${version.id}`],
    ['made', `${ago(version.created_at)} by ${version.operation}${version.parent_id ? ` of ${version.parent_id}` : ''}`],
    ['with', JSON.stringify(version.parameters)],
    ['sha256', version.sha256],
    ['rows', `${count(version.rows)}${version.invalid_rows ? `, ${count(version.invalid_rows)} of them could not be read` : ''}`],
    ['kind', `${version.kind}, came as ${version.format}`],
    [
      'size',
      `${count(version.bytes)} bytes, ${count(stats.characters)} characters, ${share(stats.trained_characters, stats.characters)} of them learnt`,
    ],
    [
      'health',
      version.health === null
        ? `not checked: tuneloop data check ${version.dataset}@${version.version}`
        : `${version.health} %, ${version.findings} findings`,
    ],
    ...stats.columns.map(({ name, rows, values }): [string, string] => [
      `column ${name}`,
      `in ${count(rows)} rows${
        values
          ? `: ${values
              .slice(0, 6)
              .map(({ value, rows: times }) => `${value} (${count(times)})`)
              .join(', ')}`
          : ''
      }`,
    ]),
  ];
  return lines.map(([name, value]) => `${name.padEnd(10)} ${value}`).join('\n');
}

const share = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.round((part / whole) * 100)} %`;
