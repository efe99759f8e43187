/** All runs: found by words and state, compared, and opened. What is chosen stands in the address. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import type { RunState } from '#contract/training.ts';
import { runsQuery } from '../api/queries.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { Waiting } from '../components/waiting.tsx';
import { StartDemo } from '../home/start-demo.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';
import { BulkActions } from '../runs/bulk-actions.tsx';
import { CompareRuns } from '../runs/compare-runs.tsx';
import { filterRuns } from '../runs/filter-runs.ts';
import { RunTable } from '../runs/run-table.tsx';

const states: RunState[] = ['running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'];

export function Page() {
  const runs = useQuery(runsQuery());
  const [text, setText] = useUrlState('filter');
  const [status, setStatus] = useUrlState('state');
  const [compared, setCompared] = useUrlState('compare');
  const search = useRef<HTMLInputElement>(null);
  useShortcuts([{ keys: '/', label: 'Filter the runs', group: 'Runs', run: () => search.current?.focus() }]);
  if (runs.isError && !runs.data) return <FailureView error={runs.error} onRetry={() => void runs.refetch()} />;
  if (!runs.data) return <Waiting for="the runs" />;
  if (runs.data.data.length === 0) return <NoRuns />;
  const shown = filterRuns(runs.data.data, text, status);
  const chosen = new Set(compared.split(',').filter(Boolean));
  const toCompare = runs.data.data.filter(({ id }) => chosen.has(id));
  const choose = (id: string, isChosen: boolean): void => {
    const others = [...chosen].filter((known) => known !== id);
    setCompared((isChosen ? [...others, id] : others).join(','));
  };
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <h1 className="mr-auto text-lg font-semibold">Runs</h1>
        <input
          ref={search}
          type="search"
          aria-label="Filter the runs"
          placeholder="Name, model, label…  ( / )"
          className="w-full rounded border px-3 py-1.5 sm:w-72"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <select
          aria-label="State"
          className="rounded border px-2 py-1.5"
          value={status}
          onChange={(event) => setStatus(event.target.value)}
        >
          <option value="">any state</option>
          {states.map((state) => (
            <option key={state} value={state}>
              {state}
            </option>
          ))}
        </select>
        <Link to="/new" className="rounded border border-accent bg-accent px-3 py-1.5 font-medium text-on-accent">
          New run
        </Link>
      </div>
      {toCompare.length > 0 && <BulkActions runs={toCompare} onDone={() => setCompared('')} />}
      {toCompare.length >= 2 && <CompareRuns runs={toCompare} />}
      {toCompare.length === 1 && <p className="text-muted">Choose one more run to compare it with.</p>}
      {shown.length === 0 ? <EmptyState title="No run matches the filter" /> : <RunTable runs={shown} chosen={chosen} onChoose={choose} />}
      {runs.data.has_more && <p className="text-muted">The newest {runs.data.data.length} runs are shown.</p>}
    </div>
  );
}

function NoRuns() {
  return (
    <EmptyState title="Nothing has been trained here yet">
      <p>A run teaches a model from examples. The demo brings its own, and takes a few minutes on this machine.</p>
      <StartDemo />
      <Link to="/new" className="text-accent underline">
        Or start from your own file
      </Link>
    </EmptyState>
  );
}
