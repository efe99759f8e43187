/** The rows of a version, a line each: only those in sight are in the page, and only those come that one scrolls to. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { DataFinding, DatasetVersion } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { VirtualList } from '../components/virtual-list.tsx';
import { Waiting } from '../components/waiting.tsx';
import { findingTitle } from './finding-words.ts';
import { rowsQuery, type StoredRow } from './queries.ts';
import { rowWords } from './row-words.ts';
import type { DataAddress, GoTo } from './use-data-address.ts';

const rowHeight = 34;

interface RowTableProps {
  version: DatasetVersion;
  findings: readonly DataFinding[];
  address: DataAddress;
  go: GoTo;
}

export function RowTable({ version, findings, address, go }: RowTableProps) {
  const { finding, from, row: opened } = address;
  const rows = useInfiniteQuery(rowsQuery(version, finding, from));
  const items = rows.data?.pages.flatMap(({ data }) => data) ?? [];
  const total = rows.data?.pages[0]?.total ?? version.rows;
  return (
    <Card
      title={
        <>
          Rows <span className="font-normal text-muted">{countWords(total, finding)}</span>
        </>
      }
      actions={
        <span className="flex flex-wrap items-center gap-2">
          <FindingFilter findings={findings} value={finding} onChange={(kind) => go({ finding: kind, from: 1 })} />
          <GoToRow rows={version.rows} onRow={(row) => go({ row, from: row, finding: '' })} />
        </span>
      }
    >
      {from > 1 && (
        <Button kind="quiet" className="mb-2" onClick={() => go({ from: 1 })}>
          ↑ Begin at row 1
        </Button>
      )}
      {rows.isError && <FailureView error={rows.error} onRetry={() => void rows.refetch()} />}
      {rows.isPending && <Waiting for="the rows" />}
      {rows.isSuccess && items.length === 0 && <p className="py-4 text-center text-muted">There is no such row.</p>}
      {items.length > 0 && (
        <VirtualList
          label="Rows"
          items={items}
          rowHeight={rowHeight}
          height={rowHeight * 9}
          keyOf={({ row }) => row}
          onEnd={() => rows.hasNextPage && !rows.isFetchingNextPage && void rows.fetchNextPage()}
          renderRow={(item) => <RowLine item={item} isOpen={item.row === opened} onOpen={() => go({ row: item.row })} />}
        />
      )}
    </Card>
  );
}

function countWords(total: number, finding: string): string {
  const rows = `${total.toLocaleString('en-US')} ${total === 1 ? 'row' : 'rows'}`;
  return finding === '' ? rows : `${rows} with: ${findingTitle(finding)}`;
}

function RowLine({ item: { row, value }, isOpen, onOpen }: { item: StoredRow; isOpen: boolean; onOpen: () => void }) {
  const { asked, answered, problem } = rowWords(value);
  return (
    <button
      type="button"
      aria-current={isOpen}
      onClick={onOpen}
      data-row={row}
      className="grid h-full w-full grid-cols-[3.5rem_minmax(0,2fr)_minmax(0,3fr)] items-center gap-3 border-b px-2 text-left hover:bg-inset aria-[current=true]:bg-accent-soft"
    >
      <span className="text-right font-mono text-[12px] text-muted tabular-nums">{row}</span>
      <span className="truncate">{asked}</span>
      {problem === null ? <span className="truncate text-muted">{answered}</span> : <span className="truncate text-bad">✗ {problem}</span>}
    </button>
  );
}

interface FindingFilterProps {
  findings: readonly DataFinding[];
  value: string;
  onChange: (kind: string) => void;
}

function FindingFilter({ findings, value, onChange }: FindingFilterProps) {
  if (findings.length === 0 && value === '') return null;
  return (
    <select aria-label="Rows to show" className="rounded border px-2 py-1" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">all rows</option>
      {value !== '' && !findings.some(({ kind }) => kind === value) && <option value={value}>{findingTitle(value)}</option>}
      {findings.map(({ kind, count }) => (
        <option key={kind} value={kind}>
          {findingTitle(kind)} ({count})
        </option>
      ))}
    </select>
  );
}

function GoToRow({ rows, onRow }: { rows: number; onRow: (row: number) => void }) {
  const [text, setText] = useState('');
  const row = Number(text);
  const isRow = Number.isInteger(row) && row >= 1 && row <= rows;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isRow) onRow(row);
      }}
    >
      <input
        aria-label="Go to row"
        placeholder="go to row…"
        inputMode="numeric"
        aria-invalid={text !== '' && !isRow}
        className="w-28 rounded border px-2 py-1 aria-[invalid=true]:border-bad"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </form>
  );
}
