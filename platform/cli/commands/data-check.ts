/** `tuneloop data check`: what is wrong with the rows; with --fix, a new version without it. */
import type { DataCheck, DataFinding, DatasetVersion } from '#contract/datasets.ts';
import { coloursOf, type Colours } from '../colours.ts';
import { plainNumber, wholeNumber, type Command } from '../command.ts';
import { count, versionFields, versionPath, versionWord } from '../find-dataset.ts';

export const command: Command = {
  words: [versionWord],
  flags: [
    { flags: '--fix [kind=action,…]', description: 'mend what is found as a new version: all that is proposed, or these kinds' },
    {
      flags: '--against <dataset>',
      description: 'evaluation rows that must not stand here too; may be repeated',
      parse: (text, before) => [...((before as string[] | undefined) ?? []), text],
    },
    { flags: '-m, --model <id>', description: 'base model whose tokenizer and template count' },
    { flags: '--max-tokens <number>', description: 'longest row; the context of the model when left out', parse: wholeNumber(8) },
    { flags: '--similarity <0.5-1>', description: 'from which rows are near duplicates', parse: plainNumber },
    { flags: '--only <kinds>', description: 'look for these kinds only, separated by commas', parse: (text) => text.split(',') },
  ],
  examples: [
    'tuneloop data check lumen-support',
    'tuneloop data check support --against support-validation --fix',
    'tuneloop data check support --fix personal_data=mask,near_duplicates=drop --json id,rows',
  ],
  fields: ['version_id', 'model', 'health', 'checks', 'findings', ...versionFields],
  async run({ out, client: openClient, stdout, environment }, { words: [reference], flags }) {
    const client = await openClient();
    const path = versionPath(reference!);
    const { against, model, maxTokens: max_tokens, similarity: near_duplicate_similarity, only: checks } = flags;
    const body = { against, model, max_tokens, near_duplicate_similarity, checks };
    if (!flags.fix) {
      const report = await client.ask<DataCheck>(`${path}/check`, { method: 'POST', body });
      out.print(report, () => describe(report, reference!, coloursOf(stdout, environment)));
      return;
    }
    const before = await client.ask<DatasetVersion>(path);
    const fixed = await client.ask<DatasetVersion>(`${path}/fix`, { method: 'POST', body: { ...body, fixes: fixesOf(flags.fix) } });
    out.print(fixed, () => describeFix(before, fixed));
  },
};

/** `kind=action,kind`; the flag alone is all that is proposed. */
function fixesOf(flag: unknown): unknown {
  if (flag === true) return 'proposed';
  return String(flag)
    .split(',')
    .map((each) => {
      const [kind, action] = each.split('=') as [string, string?];
      return { kind, ...(action && { action }) };
    });
}

const marks = { error: '✗', warning: '!', info: '·' } as const;

function describe({ findings, health, rows, model, checks }: DataCheck, reference: string, colours: Colours): string {
  const by = model === null ? 'without a tokenizer' : `by the tokenizer of ${model}`;
  const head = `${count(rows)} rows, ${checks.length} checks ${by}: health ${health} %`;
  if (findings.length === 0) return `${colours.green('✓')} ${head}, nothing found`;
  const blocks = findings.map((finding) => describeFinding(finding, colours));
  return [head, ...blocks, '', `  mend it  tuneloop data check ${reference} --fix`].join('\n');
}

function describeFinding({ kind, severity, message, rows, fix, examples }: DataFinding, colours: Colours): string {
  const mark = severity === 'error' ? colours.red(marks.error) : marks[severity];
  const named = rows.slice(0, 8).join(', ') + (rows.length > 8 ? ', …' : '');
  return [
    `${mark} ${colours.bold(kind)}  ${message}`,
    `    rows ${named}`,
    ...examples.slice(0, 2).map(({ row, text }) => colours.dim(`    #${row} ${text}`)),
    ...(fix ? [`    fix  ${kind}=${fix.action}: ${fix.description}`] : []),
  ].join('\n');
}

function describeFix(before: DatasetVersion, fixed: DatasetVersion): string {
  if (fixed.id === before.id) return `nothing to mend in ${before.dataset}@${before.version}`;
  const fixes = (fixed.parameters.fixes as { kind: string; action: string; rows: number }[] | undefined) ?? [];
  return [
    `${fixed.dataset}@${fixed.version}  ${count(fixed.rows)} rows, ${count(before.rows - fixed.rows)} fewer than version ${before.version}`,
    ...fixes.map(({ kind, action, rows }) => `  ${action} ${kind} at ${count(rows)} ${rows === 1 ? 'row' : 'rows'}`),
    `  what changed  tuneloop data diff ${before.dataset}@${before.version} ${fixed.dataset}@${fixed.version}`,
  ].join('\n');
}
