/** What a version differs in from another one, row by row; of changed rows the words that are others. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { DataDiff, DatasetVersion } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { StepLine } from './step-line.tsx';
import { rowText } from './row-words.ts';
import { diffWords, type Piece } from '../time-machine/word-diff.ts';
import { diffQuery } from './queries.ts';
import type { GoTo } from './use-data-address.ts';

interface DiffCardProps {
  versions: readonly DatasetVersion[];
  version: DatasetVersion;
  base: number;
  go: GoTo;
}

export function DiffCard({ versions, version, base, go }: DiffCardProps) {
  const diff = useQuery(diffQuery(version, base));
  return (
    <Card
      title={`Version ${version.version} beside version ${base}`}
      actions={
        <span className="flex gap-1">
          <select
            aria-label="Version to compare with"
            className="rounded border px-2 py-1"
            value={base}
            onChange={(event) => go({ compare: Number(event.target.value) })}
          >
            {versions.map((each) => (
              <option key={each.id} value={each.version}>
                v{each.version}
              </option>
            ))}
          </select>
          <Button kind="quiet" aria-label="Close the comparison" onClick={() => go({ compare: null })}>
            ✕
          </Button>
        </span>
      }
    >
      {diff.isError && <FailureView error={diff.error} onRetry={() => void diff.refetch()} />}
      {diff.isPending && <StepLine step="Comparing the rows" />}
      {diff.data && <Changes diff={diff.data} />}
    </Card>
  );
}

function Changes({ diff }: { diff: DataDiff }) {
  const { added, removed, changed, unchanged, rows } = diff;
  const number = (value: number): string => value.toLocaleString('en-US');
  const all = added + removed + changed;
  return (
    <div className="grid grid-cols-1 gap-2">
      <p>
        <b className="font-medium text-good">+ {number(added)} added</b> · <b className="font-medium text-bad">− {number(removed)} gone</b>{' '}
        · <b className="font-medium text-warn">~ {number(changed)} changed</b>{' '}
        <span className="text-muted">· {number(unchanged)} the same</span>
      </p>
      {all === 0 && <p className="text-muted">The same rows stand in both.</p>}
      {rows.length > 0 && (
        <ol tabIndex={0} aria-label="Rows that are different" className="max-h-96 divide-y overflow-auto rounded border bg-inset">
          {rows.map((row) => (
            <ChangedRow key={`${row.change} ${row.base_row} ${row.row}`} row={row} />
          ))}
        </ol>
      )}
      {rows.length < all && (
        <p className="text-muted">
          {number(rows.length)} of {number(all)} are shown.
        </p>
      )}
    </div>
  );
}

const signs = {
  added: { sign: '+', look: 'text-good', word: 'added' },
  removed: { sign: '−', look: 'text-bad', word: 'gone' },
  changed: { sign: '~', look: 'text-warn', word: 'changed' },
} as const;

function ChangedRow({ row: { change, base_row: from, row: to, before, after } }: { row: DataDiff['rows'][number] }) {
  const { sign, look, word } = signs[change];
  const place = from !== null && to !== null ? `${from} → ${to}` : `${from ?? to}`;
  const [old, now] = [rowText(before), rowText(after)];
  const gone = useMemo(() => diffWords(now, old), [old, now]);
  const come = useMemo(() => diffWords(old, now), [old, now]);
  return (
    <li className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-2 px-2 py-1.5" data-change={change}>
      <span className={`font-mono text-[12px] ${look}`}>
        {sign} {place}
        <span className="sr-only"> {word}</span>
      </span>
      <span className="min-w-0 whitespace-pre-wrap break-words">
        {change === 'removed' && old}
        {change === 'added' && now}
        {change === 'changed' && (
          <>
            <Pieces pieces={gone} look="line-through text-bad" />
            <span aria-hidden className="my-1 block border-t border-dashed" />
            <Pieces pieces={come} look="font-semibold underline text-good" />
          </>
        )}
      </span>
    </li>
  );
}

function Pieces({ pieces, look }: { pieces: readonly Piece[]; look: string }) {
  return pieces.map(({ text, isChanged }, index) => (
    // Pieces follow from the texts alone.
    <span key={index} className={isChanged ? look : ''}>
      {text}
    </span>
  ));
}
