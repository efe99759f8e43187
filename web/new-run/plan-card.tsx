/** What the run would take, measured on its own rows; how good such plans were; and the button that starts it. */
import type { ReactNode } from 'react';
import type { Quantiles, TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { bytes, dollars, duration } from '../components/format.ts';
import { usePlanScores, type PlanState } from './use-plan.ts';

interface PlanCardProps {
  state: PlanState;
  /** Whether the draft has all that a plan needs. */
  isComplete: boolean;
  children: ReactNode;
}

export function PlanCard({ state, isComplete, children }: PlanCardProps) {
  const { plan, isStale, isAsking, error, measure, cancel } = state;
  const scores = usePlanScores();
  const isMeasuring = plan?.state === 'measuring';
  return (
    <Card title="Plan" actions={<span className="text-muted">{plan?.state === 'ready' && measuredWords(plan)}</span>}>
      <div aria-live="polite">
        {error ? <FailureView error={error} onRetry={measure} /> : null}
        {plan?.state === 'ready' && <Figures plan={plan} />}
        {plan?.state === 'failed' && <Failed plan={plan} />}
        {isMeasuring && <Measuring plan={plan} onCancel={cancel} />}
        {!plan && !error && (
          <p className="text-muted">
            {isStale
              ? 'The plan was of other settings.'
              : 'A few steps on your own rows tell how long the run takes, and how much memory. Nothing is kept of them.'}
          </p>
        )}
      </div>
      {!isMeasuring && (
        <Button className="mt-2" keys="m" disabled={!isComplete || isAsking} onClick={measure}>
          {isAsking ? 'Asking…' : plan || isStale ? 'Measure again' : 'Measure'}
        </Button>
      )}
      <p className="mt-3 border-t pt-2 text-muted">{scores.data ? scoreWords(scores.data) : 'Asking how good the last plans were…'}</p>
      {children}
    </Card>
  );
}

function measuredWords({ measured_steps: steps, measuring_seconds: seconds }: TrainingPlan): string {
  return `measured: ${steps} steps in ${duration(seconds)}`;
}

function Figures({ plan }: { plan: TrainingPlan }) {
  const {
    time_seconds: time,
    peak_memory_bytes: memory,
    memory_limit_bytes: limit,
    cost,
    total_steps: steps,
    measured_beside: beside,
  } = plan;
  const isTight = memory !== null && limit !== null && memory.p90 > limit;
  return (
    <>
      <table className="w-full">
        <thead className="text-left text-muted">
          <tr>
            <th className="font-normal" scope="col">
              <span className="sr-only">What</span>
            </th>
            <th className="font-normal" scope="col">
              likely
            </th>
            <th className="font-normal" scope="col">
              P90
            </th>
          </tr>
        </thead>
        <tbody>
          {time && <Row name="time" figures={time} show={duration} />}
          {memory && <Row name="memory" figures={memory} show={bytes} />}
          {cost && <Row name="cost" figures={cost} show={dollars} />}
        </tbody>
      </table>
      <p className="mt-1 text-muted">
        {steps !== null && `${steps} steps over ${plan.rows.toLocaleString('en-US')} rows`}
        {limit !== null && ` · ${bytes(limit)} here`}
        {beside > 0 && ` · measured beside ${beside} running ${beside === 1 ? 'run' : 'runs'}, so less certain`}
      </p>
      {isTight && (
        <p className="mt-1.5 rounded bg-bad-soft px-2 py-1 text-bad">It may not fit into memory: take a smaller batch, or shorter rows.</p>
      )}
    </>
  );
}

function Row({ name, figures, show }: { name: string; figures: Quantiles; show: (value: number) => string }) {
  return (
    <tr>
      <th scope="row" className="pr-3 text-left font-normal text-muted">
        {name}
      </th>
      <td className="text-lg font-semibold">{show(figures.p50)}</td>
      <td>{show(figures.p90)}</td>
    </tr>
  );
}

function Measuring({ plan, onCancel }: { plan: TrainingPlan; onCancel: () => void }) {
  return (
    <div role="status">
      <p>
        Measuring:{' '}
        {plan.measured_steps === 0
          ? 'reading the rows and the model'
          : `${plan.measured_steps} steps in ${duration(plan.measuring_seconds)}`}
      </p>
      <progress className="mt-1 h-2 w-full" aria-label="Measuring" />
      <Button className="mt-1" onClick={onCancel}>
        Cancel
      </Button>
    </div>
  );
}

function Failed({ plan }: { plan: TrainingPlan }) {
  return (
    <p role="alert" className="whitespace-pre-line rounded bg-bad-soft px-2 py-1 text-bad">
      {plan.failure?.message} {plan.failure?.next_step}
    </p>
  );
}

function scoreWords({ data, median_error: error, covered_by_p90: covered }: TrainingPlanScores): string {
  if (data.length === 0 || error === null) return 'No run has been held against its plan yet.';
  const held = covered === null ? '' : `; ${Math.round(covered * data.length)} of ${data.length} ended by their P90`;
  const which = data.length === 1 ? 'The last plan' : `The last ${data.length} plans`;
  return `${which}: median error ${Math.round(error * 100)} %${held}.`;
}
