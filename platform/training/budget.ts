/** Budgets of time and money: what a run may take, and what its earlier attempts have left of it. */
import type { RunBudget, TrainingSettings } from '#contract/training.ts';
import { attemptSeconds } from './attempt-seconds.ts';
import type { RunRow } from './rows.ts';
import type { Training } from './training.ts';

/** The tighter of the two budgets, for a whole run; null where it has none. `costPerHour` in US dollars, undefined where there is no price. */
export function budgetOf(settings: Pick<TrainingSettings, 'max_seconds' | 'max_cost'>, costPerHour: number | undefined): RunBudget | null {
  const { max_seconds: seconds, max_cost: dollars } = settings;
  const budgets: RunBudget[] = [];
  if (seconds !== null) budgets.push({ seconds, cause: 'time', told: inWords(seconds) });
  if (dollars !== null && costPerHour)
    budgets.push({ seconds: (dollars / costPerHour) * 3600, cause: 'cost', told: `$${dollars} (at $${costPerHour} an hour)` });
  return budgets.toSorted((left, right) => left.seconds - right.seconds)[0] ?? null;
}

/** For the attempt that is about to start. */
export async function remainingBudget(training: Training, run: RunRow): Promise<RunBudget | null> {
  const budget = budgetOf(run.config.settings, training.costPerHour);
  if (budget === null) return null;
  const { seconds: spent } = await attemptSeconds(training.db, run.id);
  return { ...budget, seconds: Math.max(0, budget.seconds - spent) };
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${Math.floor(seconds / 60)} minutes ${Math.round(seconds % 60)} seconds`;
}
