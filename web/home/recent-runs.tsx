/** The runs that have ended last, and how. */
import { Link } from '@tanstack/react-router';
import type { TrainingRun } from '#contract/training-run.ts';
import { ago } from '../components/format.ts';
import { nameOfRun } from '../runs/name-of-run.ts';
import { StatusBadge } from '../runs/status-badge.tsx';

const most = 8;

export function RecentRuns({ runs }: { runs: readonly TrainingRun[] }) {
  if (runs.length === 0) return <p className="text-muted">None has ended yet.</p>;
  return (
    <ul className="divide-y">
      {runs.slice(0, most).map((run) => (
        <li key={run.id} className="flex flex-wrap items-center gap-3 py-1.5">
          <Link to="/runs/$id" params={{ id: run.id }} className="text-accent underline">
            {nameOfRun(run)}
          </Link>
          <StatusBadge status={run.status} />
          {run.failure && (
            <span className="min-w-0 flex-1 truncate text-muted" title={run.failure.message}>
              {run.failure.message}
            </span>
          )}
          <span className="ml-auto text-[13px] text-muted">{ago(run.finished_at ?? run.created_at)}</span>
        </li>
      ))}
    </ul>
  );
}
