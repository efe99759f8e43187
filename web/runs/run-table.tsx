/** The runs as a table: state, progress, curve of the loss, best evaluation, labels; two or more can be chosen to compare. */
import { Link } from '@tanstack/react-router';
import type { TrainingRun } from '#contract/training-run.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { ago, duration, figure } from '../components/format.ts';
import { ProgressBar } from '../components/progress-bar.tsx';
import { nameOfRun, shortId } from './name-of-run.ts';
import { useRunCurves } from './run-curves.ts';
import { StatusBadge } from './status-badge.tsx';

interface RunTableProps {
  runs: readonly TrainingRun[];
  chosen: ReadonlySet<string>;
  onChoose: (id: string, isChosen: boolean) => void;
}

const headings = ['', 'Run', 'State', 'Progress', 'Loss', 'Validation', 'Model', 'Labels', 'Created'];

export function RunTable({ runs, chosen, onChoose }: RunTableProps) {
  return (
    <div className="overflow-x-auto rounded-lg border bg-card" tabIndex={0} role="region" aria-label="Runs">
      <table className="w-full text-left">
        <thead className="text-[13px] text-muted">
          <tr className="border-b">
            {headings.map((heading) => (
              <th key={heading} className="whitespace-nowrap px-3 py-1.5 font-medium">
                {heading === '' ? <span className="sr-only">Compare</span> : heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} isChosen={chosen.has(run.id)} onChoose={onChoose} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run, isChosen, onChoose }: { run: TrainingRun; isChosen: boolean; onChoose: RunTableProps['onChoose'] }) {
  const name = nameOfRun(run);
  return (
    <tr className="border-b last:border-0 hover:bg-inset" data-run={run.id}>
      <td className="w-8 px-3">
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={isChosen}
          onChange={(event) => onChoose(run.id, event.target.checked)}
        />
      </td>
      <td className="whitespace-nowrap px-3 py-2">
        <Link to="/runs/$id" params={{ id: run.id }} className="font-medium text-accent hover:underline" title={run.id}>
          {name}
        </Link>
        <span className="block font-mono text-[12px] text-muted">{shortId(run.id)}</span>
      </td>
      <td className="px-3">
        <StatusBadge status={run.status} />
      </td>
      <td className="whitespace-nowrap px-3">
        <RunProgress run={run} />
      </td>
      <LossCells run={run} />
      <td className="whitespace-nowrap px-3 font-mono text-[13px]">{run.model}</td>
      <td className="max-w-48 px-3">
        <Labels run={run} />
      </td>
      <td className="whitespace-nowrap px-3 text-muted">{ago(run.created_at)}</td>
    </tr>
  );
}

export function RunProgress({ run }: { run: TrainingRun }) {
  const share = run.total_steps === null ? null : run.step / run.total_steps;
  return (
    <div className="flex min-w-32 flex-col gap-0.5">
      <span className="flex justify-between gap-2 font-mono text-[12px] tabular-nums">
        <span>
          {run.step}/{run.total_steps ?? '?'}
        </span>
        {run.status === 'running' && run.eta_seconds !== null && <span>{duration(run.eta_seconds)} left</span>}
        {run.queue_position !== null && <span>no. {run.queue_position} in queue</span>}
      </span>
      <ProgressBar share={run.status === 'succeeded' ? 1 : (share ?? 0)} label="Steps done" className="h-1.5" />
    </div>
  );
}

/** The curve of the training loss, and the lowest validation loss. */
function LossCells({ run }: { run: TrainingRun }) {
  const { data } = useRunCurves(run, 60);
  const loss = data?.series.loss;
  const best = data && data.series.eval_loss.min.length > 0 ? Math.min(...data.series.eval_loss.min) : null;
  return (
    <>
      <td className="whitespace-nowrap px-3">
        {loss && loss.mean.length > 0 ? (
          <span className="inline-flex items-center gap-2">
            <Sparkline values={loss.mean} label={`Training loss: ${figure(loss.mean[0]!)} to ${figure(loss.mean.at(-1)!)}`} />
            <span className="font-mono text-[13px]">{figure(loss.mean.at(-1)!)}</span>
          </span>
        ) : (
          <span className="text-muted">–</span>
        )}
      </td>
      <td className="px-3 font-mono text-[13px]">{best === null ? '–' : figure(best)}</td>
    </>
  );
}

function Labels({ run }: { run: TrainingRun }) {
  const labels = Object.entries(run.metadata ?? {}).filter(([key]) => key !== 'name');
  return (
    <span className="flex flex-wrap gap-1">
      {labels.map(([key, value]) => (
        <span key={key} className="max-w-full truncate rounded bg-inset px-1.5 text-[12px]" title={`${key}: ${value}`}>
          {key}: {value}
        </span>
      ))}
    </span>
  );
}
