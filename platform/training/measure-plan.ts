/** Makes a plan: the request is checked as that of a job, some of its steps are taken, and the rest is estimated. */
import { randomInt } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { PlanFailure } from '#contract/plan.ts';
import type { WorkerEvent } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import { createOnce } from '#platform/storage/create-once.ts';
import { checkJob, parseJobRequest } from './check-job.ts';
import { estimateRun } from './estimate.ts';
import { describeExit, failureOf, failureOfError } from './failures.ts';
import { getPlan, type PlanRow } from './plans.ts';
import type { Db } from './rows.ts';
import { pastRatios, probeShareOf } from './score-plan.ts';
import { buildJob } from './start-attempt.ts';
import type { Training } from './training.ts';

/** A large base model takes minutes to load; a measurement that takes longer hangs. */
const mostMinutes = 10;
/** The process of a measurement is found by name, like the attempts of a run. */
const attempt = 1;

/**
 * One row, measuring; the measurement goes on beside. The same key with the same body is the same plan. Throws what the creation of
 * the job would throw.
 */
export async function createPlan(training: Training, projectId: string, body: unknown, idempotencyKey?: string): Promise<PlanRow> {
  const request = parseJobRequest(body);
  const { data, validation, config } = await checkJob(training, projectId, request);
  if (config.settings.distributed !== 'no') {
    const param = 'extensions.distributed';
    const message = `${param}: a plan measures one process; ${config.settings.processes} cannot be planned`;
    throw new PlatformError('unsupported_value', message, { param });
  }
  const values = {
    id: newId('plan_'),
    project_id: projectId,
    state: 'measuring' as const,
    base_model: request.model,
    training_file: data.id,
    validation_file: validation?.id ?? null,
    seed: request.seed ?? randomInt(2 ** 31),
    config: JSON.stringify(config),
    rows: data.rows,
    trained_tokens: data.trainedTokens,
    owner: training.owner,
    deadline: minutesFromNow(mostMinutes),
  };
  const once = idempotencyKey === undefined ? null : { projectId, resource: 'plan' as const, key: idempotencyKey, request };
  const insert = (db: Db): Promise<PlanRow> => db.insertInto('plans').values(values).returningAll().executeTakeFirstOrThrow();
  const { row: plan, isNew } = await createOnce(training.db, once, insert, (id) => getPlan(training, projectId, id));
  if (isNew) training.plans.add(plan.id, (signal) => measurePlan(training, plan, signal));
  return plan;
}

/** A plan that is being measured is measured no more. Scores of it are kept. Throws `plan_not_found`. */
export async function deletePlan(training: Training, projectId: string, planId: string): Promise<void> {
  await getPlan(training, projectId, planId);
  await training.plans.end(planId);
  await training.db.deleteFrom('plans').where('id', '=', planId).where('project_id', '=', projectId).execute();
}

/** Never throws: what goes wrong is the plan's failure. */
async function measurePlan(training: Training, plan: PlanRow, signal: AbortSignal): Promise<void> {
  try {
    await takeSteps(training, plan, signal);
  } catch (error) {
    const failure = failureOfError(error) ?? {
      message: `The measurement could not be made: ${error instanceof Error ? error.message : String(error)}`,
      next_step: 'See `tuneloop doctor`, then make the plan again.',
    };
    if (!(error instanceof PlatformError)) training.log.error({ err: error, plan: plan.id }, 'a plan could not be measured');
    await failPlan(training, plan, failure).catch((cause: unknown) =>
      training.log.error({ err: cause, plan: plan.id }, 'the failure of a plan could not be stored'),
    );
  }
}

async function takeSteps(training: Training, plan: PlanRow, signal: AbortSignal): Promise<void> {
  const folder = join(training.dataDir, 'plans', plan.id);
  const attempt_dir = join(folder, `attempt-${attempt}`);
  await mkdir(attempt_dir, { recursive: true });
  try {
    const beside = await countRunning(training);
    await change(training, plan, { measured_beside: beside, deadline: minutesFromNow(mostMinutes) });
    const place = { run_id: plan.id, attempt, output_dir: folder, attempt_dir, resume_from: null };
    const handle = await training.launcher.start(await buildJob(training, plan, place), 'measure');
    try {
      const ended = AbortSignal.any([signal, AbortSignal.timeout(mostMinutes * 60_000)]);
      for await (const event of training.launcher.follow(handle, 0, ended)) {
        if (await takeEvent(training, plan, event)) return;
      }
      if (signal.aborted) return await failPlan(training, plan, stopped);
      if (ended.aborted) return await failPlan(training, plan, tooSlow);
      const exit = await training.launcher.exit(handle);
      const cause = exit?.outOfMemory ? 'oom' : 'worker_lost';
      await failPlan(training, plan, failureOf(cause, `The measurement ended without a result: ${describeExit(exit)}.`));
    } finally {
      await training.launcher.kill(handle);
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const stopped: PlanFailure = { message: 'The measurement was stopped before it had a result.', next_step: 'Make the plan again.' };
const tooSlow: PlanFailure = {
  message: `The measurement had no result within ${mostMinutes} minutes.`,
  next_step: 'Lower batch_size or max_seq_length, or start the run without a plan.',
};

/** True once it was the last one. */
async function takeEvent(training: Training, plan: PlanRow, event: WorkerEvent): Promise<boolean> {
  switch (event.type) {
    case 'data-checked':
      await change(training, plan, {
        total_steps: event.total_steps,
        trained_tokens: sql<number>`coalesce(trained_tokens, ${event.trained_tokens})`,
      });
      return false;
    case 'step-measured':
      await change(training, plan, {
        measured_steps: event.step,
        measuring_seconds: sql<number>`extract(epoch from clock_timestamp() - created_at)`,
      });
      return false;
    case 'run-measured': {
      const { measured_beside: beside } = await getPlan(training, plan.project_id, plan.id);
      const past = await pastRatios(training.db, event.machine);
      const estimate = estimateRun({ measured: event, beside, probeShare: probeShareOf(plan.config), past });
      await change(training, plan, {
        state: 'ready',
        measured_steps: event.measured_steps,
        measuring_seconds: event.seconds,
        measurement: JSON.stringify(event),
        estimate: JSON.stringify(estimate),
      });
      return true;
    }
    case 'run-failed':
      await failPlan(training, plan, event);
      return true;
    default:
      return false;
  }
}

async function failPlan(training: Training, plan: PlanRow, { message, next_step }: PlanFailure): Promise<void> {
  await change(training, plan, { state: 'failed', failure: JSON.stringify({ message, next_step }) });
}

/** Nothing happens to a plan that is deleted or done. */
async function change(training: Training, plan: PlanRow, changes: object): Promise<void> {
  await training.db.updateTable('plans').set(changes).where('id', '=', plan.id).where('state', '=', 'measuring').execute();
}

async function countRunning(training: Training): Promise<number> {
  const { running } = await training.db
    .selectFrom('runs')
    .select(sql<number>`count(*)::int`.as('running'))
    .where('state', '=', 'running')
    .executeTakeFirstOrThrow();
  return running;
}

function minutesFromNow(minutes: number) {
  return sql<Date>`clock_timestamp() + ${sql.lit(minutes)} * interval '1 minute'`;
}
