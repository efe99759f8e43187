/** Plans as the wire shows them. */
import type { TrainingPlan } from '#contract/plan.ts';
import { stepsWithin } from '#contract/steps-within.ts';
import { budgetOf } from '#platform/training/budget.ts';
import type { PlanRow } from '#platform/training/plans.ts';
import { unixSeconds } from './list-page.ts';

/** `costPerHour` in USD of this machine; undefined where nobody said. */
export function viewPlan(row: PlanRow, costPerHour: number | undefined): TrainingPlan {
  const { estimate } = row;
  const cost = (seconds: number): number => (seconds / 3600) * costPerHour!;
  const time = estimate?.time_seconds;
  const budget = budgetOf(row.config.settings, costPerHour);
  const measured = { time_seconds: time ?? null, parts: estimate?.parts ?? null, total_steps: row.total_steps };
  return {
    id: row.id,
    object: 'training.plan',
    created_at: unixSeconds(row.created_at),
    state: row.state,
    failure: row.failure,
    model: row.base_model,
    training_file: row.training_file,
    validation_file: row.validation_file,
    rows: row.rows,
    trained_tokens: row.trained_tokens,
    measured_steps: row.measured_steps,
    measuring_seconds: row.measuring_seconds,
    measured_beside: row.measured_beside,
    ...measured,
    peak_memory_bytes: estimate?.peak_memory_bytes ?? null,
    memory_limit_bytes: row.measurement?.memory_limit_bytes ?? null,
    cost: time && costPerHour !== undefined ? { p50: cost(time.p50), p90: cost(time.p90), currency: 'USD' } : null,
    budget: budget && { seconds: budget.seconds, cause: budget.cause, steps: estimate && stepsWithin(budget.seconds, measured) },
    scored_runs: estimate?.scored_runs ?? 0,
    config: row.config,
  };
}
