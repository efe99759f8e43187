/** What the rows of a version come to: lengths in tokens, what of it is learnt, turns, and the columns beside. */
import { useQuery } from '@tanstack/react-query';
import type { DataStats, DatasetVersion, TokenStats } from '#contract/datasets.ts';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { percent } from '../components/format.ts';
import { Histogram } from './histogram.tsx';
import { statsQuery } from './queries.ts';
import { StepLine } from './step-line.tsx';

/** `model` is the one whose tokenizer counts; empty is the platform's usual one. */
export function FiguresCard({ version }: { version: DatasetVersion }) {
  const stats = useQuery(statsQuery(version, ''));
  const isCounted = version.kind === 'chat' || version.kind === 'text';
  return (
    <Card title="Figures">
      {stats.isError && <FailureView error={stats.error} onRetry={() => void stats.refetch()} />}
      {stats.isPending && isCounted && <StepLine step="Counting the tokens" hint="once for each version" />}
      {stats.data?.tokens && <Tokens tokens={stats.data.tokens} />}
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1">
        {facts(version.stats).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 break-words font-mono text-[13px] tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {version.stats.columns.length > 0 && <Columns columns={version.stats.columns} />}
    </Card>
  );
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US');

const rowCount = (rows: number): string => (rows === 1 ? '1 row' : `${number(rows)} rows`);

function Tokens({ tokens }: { tokens: TokenStats }) {
  const { model, total, trained, trained_share: share, lengths, histogram, refused_rows: refused, longer_than_context: tooLong } = tokens;
  const isSample = tokens.counted_rows > 0 && histogram.reduce((sum, { rows }) => sum + rows, 0) < tokens.counted_rows;
  return (
    <div className="mb-3 grid grid-cols-1 gap-2">
      <p>
        <b className="font-medium">{number(total)}</b> tokens by {model}, <b className="font-medium">{number(trained)}</b> of them learnt (
        {percent(share)})
      </p>
      {lengths && histogram.length > 0 && (
        <>
          <Histogram
            bars={histogram}
            label={`Rows by length: half have at most ${number(lengths.p50)} tokens, 95 of 100 at most ${number(lengths.p95)}, the longest ${number(lengths.max)}`}
          />
          <p className="text-muted">
            half ≤ {number(lengths.p50)} · 95 % ≤ {number(lengths.p95)} · longest {number(lengths.max)}
          </p>
        </>
      )}
      {tooLong > 0 && <p className="text-warn">⚠ longer than the context of the model: {rowCount(tooLong)}</p>}
      {refused > 0 && <p className="text-bad">✗ refused by its chat template: {rowCount(refused)}</p>}
      {isSample && <p className="text-muted">Every n-th row was counted.</p>}
    </div>
  );
}

function facts(stats: DataStats): [string, string][] {
  const { rows, invalid_rows: invalid, characters, trained_characters: learnt, turns, with_system: system, with_tools: tools } = stats;
  const some = (count: number): string => `${number(count)} (${percent(rows === 0 ? 0 : count / rows)})`;
  return [
    ['characters', `${number(characters)}, ${percent(characters === 0 ? 0 : learnt / characters)} learnt`],
    ['answers', turns.map(({ turns: count, rows: many }) => `${count}: ${number(many)}`).join(' · ')],
    ...(invalid > 0 ? ([['unreadable', some(invalid)]] as [string, string][]) : []),
    ...(system > 0 ? ([['with system', some(system)]] as [string, string][]) : []),
    ...(tools > 0 ? ([['with tools', some(tools)]] as [string, string][]) : []),
  ];
}

function Columns({ columns }: { columns: DataStats['columns'] }) {
  return (
    <details className="mt-2">
      <summary className="text-muted">{columns.length === 1 ? '1 column besides' : `${columns.length} columns besides`}</summary>
      <ul className="mt-1 grid gap-1">
        {columns.map(({ name, rows, values }) => (
          <li key={name} className="break-words">
            <b className="font-mono text-[13px] font-medium">{name}</b> <span className="text-muted">{number(rows)} rows</span>
            {values && (
              <span className="block truncate text-muted" title={values.map(({ value }) => value).join('\n')}>
                {values.map(({ value, rows: count }) => `${value} (${count})`).join(' · ')}
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
