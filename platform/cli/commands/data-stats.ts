/** `tuneloop data stats`: how many rows, how long they are in tokens, and how much of them is learnt. */
import type { DataStats, TokenStats } from '#contract/datasets.ts';
import type { Command } from '../command.ts';
import { count, versionPath, versionWord } from '../find-dataset.ts';

type Stats = DataStats & { tokens: TokenStats | null };

export const command: Command = {
  words: [versionWord],
  flags: [{ flags: '-m, --model <id>', description: 'base model whose tokenizer and template count' }],
  examples: ['tuneloop data stats lumen-support', 'tuneloop data stats lumen-support@1 --json rows,tokens.total,tokens.trained_share'],
  fields: [
    'rows',
    'invalid_rows',
    'characters',
    'trained_characters',
    'row_characters',
    'turns',
    'with_system',
    'with_tools',
    'columns',
    'tokens',
  ],
  async run({ out, client }, { words: [reference], flags }) {
    const stats = await (
      await client()
    ).ask<Stats>(`${versionPath(reference!)}/stats`, { query: { model: flags.model as string | undefined } });
    out.print(stats, () => describe(stats));
  },
};

function describe(stats: Stats): string {
  const turns = stats.turns.map(({ turns: answers, rows }) => `${answers}: ${count(rows)}`).join('  ');
  const lines = [
    `rows        ${count(stats.rows)}${stats.invalid_rows ? `, ${count(stats.invalid_rows)} could not be read` : ''}`,
    `answers     ${turns}`,
    `system      in ${count(stats.with_system)} rows; tools in ${count(stats.with_tools)}`,
    `characters  ${count(stats.characters)}, ${percent(stats.trained_characters / Math.max(1, stats.characters))} learnt`,
  ];
  return [
    ...lines,
    ...(stats.tokens ? describeTokens(stats.tokens, stats.rows) : ['tokens      not counted: name a base model that is here with --model']),
  ].join('\n');
}

function describeTokens(tokens: TokenStats, rows: number): string[] {
  const about = tokens.counted_rows < rows ? `about (${count(tokens.counted_rows)} rows counted) ` : '';
  const { lengths } = tokens;
  const most = Math.max(1, ...tokens.histogram.slice(tokens.histogram.findIndex(({ rows: some }) => some > 0)).map((bar) => bar.rows));
  return [
    `tokens      ${about}${count(tokens.total)}, ${count(tokens.trained)} (${percent(tokens.trained_share)}) learnt, by ${tokens.model}`,
    ...(lengths ? [`length      half of the rows up to ${lengths.p50} tokens, 95 % up to ${lengths.p95}, the longest ${lengths.max}`] : []),
    ...(tokens.longer_than_context ? [`too long    ${count(tokens.longer_than_context)} rows are longer than the model reads`] : []),
    ...(tokens.refused_rows ? [`refused     ${count(tokens.refused_rows)} rows by the chat template`] : []),
    ...tokens.histogram.map(
      (bar) => `${`≤ ${bar.up_to}`.padStart(10)}  ${'█'.repeat(Math.ceil((bar.rows / most) * 40))} ${count(bar.rows)}`,
    ),
  ];
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
