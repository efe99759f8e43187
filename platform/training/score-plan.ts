/** How plans came true: each run that was started from one is set beside it when it has succeeded, and corrects the plans after it. */
import { sql } from 'kysely';
import type { RunConfig } from '#contract/training-run.ts';
import type { WorkerEvent } from '#contract/worker.ts';
import type { TrainingPlanScores } from '#contract/plan.ts';
import { attemptSeconds } from './attempt-seconds.ts';
import { type PastRatios, reckonMemory, reckonParts, sumOf } from './estimate.ts';
import type { Db, RunRow } from './rows.ts';
import type { Training } from './training.ts';

type RunEnded = Extract<WorkerEvent, { type: 'run-ended' }>;

/** Only the newest runs count: machines and releases change. */
const mostPast = 40;

/** Share of a run's wall time that its probes may take. */
export function probeShareOf({ probes }: RunConfig): number {
  return probes?.enabled ? probes.budget_share : 0;
}

export async function pastRatios(db: Db, machine: string): Promise<PastRatios> {
  const rows = await db
    .selectFrom('plan_scores')
    .select([
      sql<number>`actual_seconds / uncorrected_seconds`.as('time'),
      sql<number>`actual_memory_bytes / uncorrected_memory_bytes`.as('memory'),
    ])
    .where('machine', '=', machine)
    .orderBy('finished_at', 'desc')
    .limit(mostPast)
    .execute();
  return { time: rows.map((row) => row.time), memory: rows.map((row) => row.memory) };
}

/**
 * Scores the plan of a run that has just succeeded. Nothing is scored where there is nothing to compare: without a finished plan, when
 * a person stopped the run early, or when a lost worker made it do steps twice.
 */
export async function scorePlan(training: Training, run: RunRow, event: RunEnded): Promise<void> {
  if (run.plan_id === null) return;
  const plan = await training.db.selectFrom('plans').selectAll().where('id', '=', run.plan_id).executeTakeFirst();
  if (!plan?.measurement || !plan.estimate || event.step !== plan.total_steps) return;
  const { seconds: actual, isWhole } = await attemptSeconds(training.db, run.id);
  if (!isWhole) return;
  const input = { measured: plan.measurement, beside: plan.measured_beside, probeShare: probeShareOf(plan.config) };
  await training.db
    .insertInto('plan_scores')
    .values({
      run_id: run.id,
      plan_id: plan.id,
      project_id: run.project_id,
      machine: plan.measurement.machine,
      uncorrected_seconds: sumOf(reckonParts(input)),
      uncorrected_memory_bytes: reckonMemory(plan.measurement),
      planned_seconds: JSON.stringify(plan.estimate.time_seconds),
      planned_memory_bytes: JSON.stringify(plan.estimate.peak_memory_bytes),
      actual_seconds: actual,
      actual_memory_bytes: event.peak_memory_bytes,
    })
    .onConflict((conflict) => conflict.column('run_id').doNothing())
    .execute();
}

/** The newest scores of a project, and what they come to. */
export async function listScores(training: { db: Db }, projectId: string, limit: number): Promise<TrainingPlanScores> {
  const ofProject = training.db.selectFrom('plan_scores').where('project_id', '=', projectId);
  const { count } = await ofProject.select(sql<number>`count(*)::int`.as('count')).executeTakeFirstOrThrow();
  const rows = await ofProject.selectAll().orderBy('finished_at', 'desc').orderBy('run_id', 'desc').limit(limit).execute();
  const data = rows.map((row) => ({
    job_id: row.run_id,
    plan_id: row.plan_id,
    finished_at: Math.floor(row.finished_at.getTime() / 1000),
    planned: row.planned_seconds,
    actual_seconds: row.actual_seconds,
    error: Math.abs(row.planned_seconds.p50 - row.actual_seconds) / row.actual_seconds,
    covered: row.actual_seconds <= row.planned_seconds.p90,
    planned_memory_bytes: row.planned_memory_bytes,
    actual_memory_bytes: row.actual_memory_bytes,
    memory_error: Math.abs(row.planned_memory_bytes.p50 - row.actual_memory_bytes) / row.actual_memory_bytes,
    memory_covered: row.actual_memory_bytes <= row.planned_memory_bytes.p90,
  }));
  return {
    object: 'training.plan_scores',
    count,
    median_error: median(data.map((score) => score.error)),
    covered_by_p90: share(data.map((score) => score.covered)),
    memory_median_error: median(data.map((score) => score.memory_error)),
    memory_covered_by_p90: share(data.map((score) => score.memory_covered)),
    data,
  };
}

function median(values: number[]): number | null {
  const ordered = values.toSorted((left, right) => left - right);
  const middle = ordered.length / 2;
  if (ordered.length === 0) return null;
  return ordered.length % 2 === 1 ? ordered[Math.floor(middle)]! : (ordered[middle - 1]! + ordered[middle]!) / 2;
}

function share(claims: boolean[]): number | null {
  return claims.length === 0 ? null : claims.filter(Boolean).length / claims.length;
}
