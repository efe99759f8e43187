/** The runs that are under way or wait, live. */
import { Link } from '@tanstack/react-router';
import type { TrainingRun } from '#contract/training-run.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { figure } from '../components/format.ts';
import { nameOfRun } from '../runs/name-of-run.ts';
import { useRunCurves } from '../runs/run-curves.ts';
import { RunProgress } from '../runs/run-table.tsx';
import { StatusBadge } from '../runs/status-badge.tsx';

export function RunningStrip({ runs }: { runs: readonly TrainingRun[] }) {
  return (
    <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3" aria-label="Runs under way">
      {runs.map((run) => (
        <li key={run.id}>
          <RunCard run={run} />
        </li>
      ))}
    </ul>
  );
}

function RunCard({ run }: { run: TrainingRun }) {
  const loss = useRunCurves(run, 80).data?.series.loss.mean ?? [];
  return (
    <Link
      to="/runs/$id"
      params={{ id: run.id }}
      className="flex flex-col gap-2 rounded-lg border bg-card p-3 hover:border-accent"
      data-run={run.id}
    >
      <span className="flex items-center justify-between gap-2">
        <span className="truncate font-medium">{nameOfRun(run)}</span>
        <StatusBadge status={run.status} />
      </span>
      <Sparkline
        values={loss}
        className="h-10 w-full"
        label={loss.length === 0 ? 'No step yet' : `Training loss: ${figure(loss[0]!)} to ${figure(loss.at(-1)!)}`}
      />
      <RunProgress run={run} />
    </Link>
  );
}
