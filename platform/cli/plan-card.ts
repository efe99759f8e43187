/** A plan as the terminal shows it: time, memory and cost with what nine runs in ten stay below, and how good plans were so far. */
import type { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { duration } from './run-block.ts';

/** For a plan that is ready. */
export function planCard(plan: TrainingPlan, scores: TrainingPlanScores): string {
  const { time_seconds: time, peak_memory_bytes: memory, memory_limit_bytes: limit, cost, parts } = plan;
  const rows: [string, string][] = [];
  if (time) rows.push(['time', `${duration(time.p50)}, in nine runs of ten below ${duration(time.p90)}`]);
  if (memory) rows.push(['memory', `${gibibytes(memory.p50)}, in nine of ten below ${gibibytes(memory.p90)}${ofLimit(memory.p90, limit)}`]);
  if (cost) rows.push(['cost', `${dollars(cost.p50)}, in nine of ten below ${dollars(cost.p90)}`]);
  if (plan.budget) rows.push(['budget', withinBudget(plan, plan.budget)]);
  if (parts) {
    const shown = Object.entries(parts).filter(([, seconds]) => seconds >= 0.5);
    rows.push(['of which', shown.map(([name, seconds]) => `${name} ${duration(seconds)}`).join(', ')]);
  }
  rows.push(['measured', measured(plan)]);
  rows.push(['so far', record(scores)]);
  return rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`).join('\n');
}

/** The tighter of two, and how far the run comes with it. */
function withinBudget(
  { config, total_steps: total, time_seconds: time }: TrainingPlan,
  budget: NonNullable<TrainingPlan['budget']>,
): string {
  const limit = budget.cause === 'cost' ? dollars(config.settings.max_cost!) : duration(budget.seconds);
  if (time && time.p90 <= budget.seconds) return `${limit}: the run keeps within it`;
  const steps =
    budget.steps === null
      ? 'not even one step is sure to fit'
      : `${budget.steps} of ${total} steps fit; there it stops, with what it learnt`;
  return `${limit}: ${steps}`;
}

function measured({ measured_steps, total_steps, measuring_seconds, measured_beside }: TrainingPlan): string {
  const beside = measured_beside > 0 ? '; a run was training beside it, so the interval is wide' : '';
  return `${measured_steps} steps in ${duration(measuring_seconds)}; the run has ${total_steps}${beside}`;
}

function record({ data, median_error, covered_by_p90 }: TrainingPlanScores): string {
  if (median_error === null || covered_by_p90 === null) return 'no run was started from a plan yet, so none could be scored';
  const off = `${(median_error * 100).toFixed(0)} %`;
  if (data.length === 1)
    return `the last plan was ${off} off; its run ${data[0]!.covered ? 'stayed below' : 'went over'} the nine-in-ten mark`;
  const below = Math.round(covered_by_p90 * data.length);
  return `the last ${data.length} plans were ${off} off in the middle; ${below} of their runs stayed below the nine-in-ten mark`;
}

function ofLimit(p90: number, limit: number | null): string {
  if (limit === null) return '';
  return p90 > limit ? `; MORE than the ${gibibytes(limit)} there are` : `; there are ${gibibytes(limit)}`;
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const dollars = (usd: number): string => `$${usd >= 1 ? usd.toFixed(2) : usd.toPrecision(2)}`;
