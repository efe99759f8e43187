/** How many steps a budget of time buys, by the plan. */
import type { TrainingPlan } from './plan.ts';

/** So many steps that nine in ten runs keep within the time; null when not even one would. */
export function stepsWithin(seconds: number, plan: Pick<TrainingPlan, 'time_seconds' | 'total_steps' | 'parts'>): number | null {
  if (!plan.time_seconds || !plan.total_steps) return null;
  const widening = plan.time_seconds.p90 / Math.max(plan.time_seconds.p50, 1e-9);
  const fixed = (plan.parts?.starting ?? 0) * widening;
  const perStep = (plan.time_seconds.p90 - fixed) / plan.total_steps;
  const steps = Math.floor((seconds - fixed) / perStep);
  return steps >= 1 ? Math.min(steps, plan.total_steps) : null;
}
