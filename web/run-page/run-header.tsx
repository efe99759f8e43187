/** The head of a run's page: its name and state, how far it is, what it does now, and the buttons that steer it. */
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import type { RunPhase } from '#contract/worker.ts';
import type { Connection } from '../api/follow-stream.ts';
import { ago, bytes, duration, percent } from '../components/format.ts';
import { ProgressBar } from '../components/progress-bar.tsx';
import { nameOfRun } from '../runs/name-of-run.ts';
import { isOver } from '../runs/run-states.ts';
import { StatusBadge } from '../runs/status-badge.tsx';
import { phasesOf, totalsOf } from './phases.ts';
import { SteerButtons } from './steer-buttons.tsx';

interface RunHeaderProps {
  run: TrainingRun;
  /** Ascending; single steps left out. */
  events: readonly TrainingRunEvent[];
  connection: Connection;
}

export function RunHeader({ run, events, connection }: RunHeaderProps) {
  const share = run.total_steps === null ? null : run.step / run.total_steps;
  return (
    <header className="flex flex-col gap-2 rounded-lg border bg-card p-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="min-w-0 truncate text-lg font-semibold" title={run.id}>
          {nameOfRun(run)}
        </h1>
        <StatusBadge status={run.status} />
        <span className="text-muted">
          <span className="font-mono text-[13px]">{run.model}</span> · started {ago(run.created_at)}
        </span>
        <span className="ml-auto">
          <SteerButtons run={run} />
        </span>
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <span className="font-mono tabular-nums" data-step={run.step}>
          step {run.step}/{run.total_steps ?? '?'}
        </span>
        <span className="min-w-40 flex-1">
          <ProgressBar share={run.status === 'succeeded' ? 1 : share} label="Steps done" />
        </span>
        <span className="font-mono tabular-nums">{share === null ? '–' : percent(share)}</span>
        {run.status === 'running' && run.eta_seconds !== null && <span>ETA {duration(run.eta_seconds)}</span>}
        {run.queue_position !== null && (
          <span>{run.queue_position === 1 ? 'next in the queue' : `number ${run.queue_position} in the queue`}</span>
        )}
        {run.fine_tuned_model !== null && (
          <Link to="/playground" search={{ model: run.fine_tuned_model } as never} className="font-medium text-accent underline">
            Chat with the result
          </Link>
        )}
      </div>
      {run.stop && (
        <p role="status" className="rounded bg-warn-soft px-2 py-1 text-warn">
          {run.stop.message}.{bestNote(run)}
        </p>
      )}
      <PhaseBar run={run} events={events} connection={connection} />
      {run.failure && (
        <div role="alert" className="rounded border border-bad bg-bad-soft px-3 py-2">
          <p className="font-medium">{run.failure.message}</p>
          <p>{run.failure.next_step}</p>
          <p className="text-muted">
            cause <code>{run.failure.cause}</code>
          </p>
        </div>
      )}
    </header>
  );
}

/** Which step the model has, where that is not the last. */
function bestNote({ config, best_step: best, step }: TrainingRun): string {
  return config.settings.load_best_model_at_end && best !== null && best !== step
    ? ` The model has the weights of step ${best}, the best.`
    : '';
}

function PhaseBar({ run, events, connection }: RunHeaderProps) {
  const now = useNow(!isOver(run.status));
  const totals = totalsOf(phasesOf(run.created_at, events), run.finished_at ?? now);
  return (
    <p className="flex flex-wrap gap-x-3 text-[13px] text-muted" aria-label="Phases">
      {totals.map(({ name, seconds, isNow }) => (
        <span key={name} className={isNow && !isOver(run.status) ? 'font-medium text-ink' : ''}>
          {name} {duration(Math.round(seconds * 10) / 10)}
          {isNow && !isOver(run.status) && '…'}
          {name in run.memory_peaks && <span title="Most memory that it held"> · {bytes(run.memory_peaks[name as RunPhase]!)}</span>}
        </span>
      ))}
      {connection === 'lost' && !isOver(run.status) && (
        <span role="status" className="text-warn">
          connection lost, coming back…
        </span>
      )}
    </p>
  );
}

const everyMs = 1000;

/** Unix seconds, by the second, while it is wanted. */
function useNow(isOn: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => setNow(Date.now() / 1000), everyMs);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
}
