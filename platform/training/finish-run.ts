/** How an attempt's last event becomes the state of its run. */
import { join } from 'node:path';
import { sql } from 'kysely';
import type { WorkerEvent } from '#contract/worker.ts';
import { failpoint } from '#platform/core/failpoint.ts';
import { deleteFile } from '#platform/data/files.ts';
import { registerVersion } from '#platform/models/versions.ts';
import type { RunFailure } from '#contract/training-run.ts';
import { adapterSha256, verifyArtifact } from './artifact.ts';
import { storedEvent } from './event-text.ts';
import { failureOfError } from './failures.ts';
import { createMetricsFile } from './metrics-file.ts';
import type { ModelVersionRow, RunRow } from './rows.ts';
import { artifactPath } from './run-paths.ts';
import { scorePlan } from './score-plan.ts';
import type { Training } from './training.ts';
import { finalModelId } from './version-names.ts';
import { databaseNow, writeRun, type NewEvent, type RunChanges, type RunGuard } from './write-run.ts';

type RunEnded = Extract<WorkerEvent, { type: 'run-ended' }>;

/** What every end of an attempt has in common: nobody looks after the run any more. */
const atRest: RunChanges = { lease_owner: null, lease_until: null, handle: null, eta_seconds: null, desired: 'run' };

/** A cancellation that came before this is stored wins, whatever the worker managed to finish. */
const notCancelled = ['run', 'pause', 'stop'] as const;

/**
 * The adapter becomes a model version, and the run succeeds, in one transaction; then the version is loaded. Null when the guard
 * refused.
 */
export async function finishSucceeded(training: Training, run: RunRow, guard: RunGuard, event: RunEnded): Promise<RunRow | null> {
  const path = artifactPath(run.id, event.path);
  const manifest = await verifyArtifact(join(training.dataDir, path), event.manifest_sha256);
  const id = await finalModelId(training.db, run);
  const resultFile = await keepMetrics(training, run);
  const stored = storedEvent(event);
  const { stop, model_step: bestStep } = event;
  const early = stop ? `. ${stop.message} (of ${run.total_steps ?? '?'} steps)` : '';
  const best = bestStep === null ? '' : `. It has the weights of step ${bestStep}, the best`;
  const message = `The fine-tuned model is ready: ${id}${early}${best}`;
  const done = await training.db.transaction().execute(async (db) => {
    const changes: RunChanges = {
      ...atRest,
      worker_seq: event.seq,
      step: event.step,
      best_step: event.best_step,
      stop: stop === null ? null : JSON.stringify(stop),
      trained_tokens: event.trained_tokens,
      fine_tuned_model: id,
      result_file: resultFile,
      finished_at: databaseNow,
    };
    const succeeds: RunGuard = { ...guard, transition: 'succeed', desired: notCancelled };
    const written = await writeRun(db, succeeds, changes, [{ ...stored, message, data: { ...stored.data, model: id } }]);
    if (!written) return null;
    const version: ModelVersionRow = await registerVersion(
      { ...training.versions, db },
      {
        id,
        project_id: run.project_id,
        base_model: run.base_model,
        run_id: run.id,
        step: bestStep ?? event.step,
        is_final: true,
        path,
        manifest_sha256: event.manifest_sha256,
        adapter_sha256: adapterSha256(manifest, run.config.adapter),
      },
    );
    failpoint('success-before-commit');
    return { written, version };
  });
  failpoint('success-after-commit');
  if (!done) {
    if (resultFile) await deleteFile(training.files, run.project_id, resultFile);
    const cancelled = { ...stored, type: 'run-cancelled', message: 'Cancelled as it ended', data: { step: event.step } };
    return finishCancelled(training, { ...guard, desired: ['cancel'] }, cancelled, event.seq);
  }
  training.onVersion(done.version).catch((error: unknown) => {
    training.log.error({ err: error, run: run.id, model: id }, 'a new version could not be loaded; it will be when it is first asked for');
  });
  await scorePlan(training, done.written, event).catch((error: unknown) => {
    training.log.error({ err: error, run: run.id, plan: run.plan_id }, 'a plan could not be scored');
  });
  return done.written;
}

/** A run does not fail for want of its table of figures. */
async function keepMetrics(training: Training, run: RunRow): Promise<string | null> {
  try {
    return await createMetricsFile(training, run);
  } catch (error) {
    if (failureOfError(error) === null) throw error;
    training.log.warn({ err: error, run: run.id }, 'the result file could not be stored');
    return null;
  }
}

/** Its checkpoints are kept. Null when the guard refused. */
export async function finishCancelled(training: Training, guard: RunGuard, event: NewEvent, workerSeq: number): Promise<RunRow | null> {
  const changes = { ...atRest, worker_seq: workerSeq, finished_at: databaseNow };
  return writeRun(training.db, { ...guard, transition: 'cancel' }, changes, [event]);
}

/** A pause that was taken back while the worker paused, or that nobody asked for, sends the run to the queue again. */
export async function finishPaused(
  training: Training,
  run: RunRow,
  guard: RunGuard,
  event: NewEvent,
  changes: RunChanges,
): Promise<RunRow | null> {
  const paused = await writeRun(training.db, { ...guard, transition: 'pause', desired: ['pause'] }, { ...atRest, ...changes }, [event]);
  if (paused) return paused;
  const cancelled = await writeRun(
    training.db,
    { ...guard, transition: 'cancel', desired: ['cancel'] },
    { ...atRest, ...changes, finished_at: databaseNow },
    [event, { type: 'run-cancelled', message: 'Cancelled', data: { step: run.step } }],
  );
  if (cancelled) return cancelled;
  return training.db.transaction().execute(async (db) => {
    // A stop that was asked for meanwhile still holds.
    const desired = sql<'run' | 'stop'>`case desired when 'stop' then 'stop' else 'run' end`;
    const stopped = await writeRun(db, { ...guard, transition: 'pause' }, { ...atRest, desired, ...changes }, [event]);
    if (!stopped) return null;
    return writeRun(db, { id: run.id, transition: 'resume' }, { queued_at: databaseNow }, [
      { type: 'run-resumed', message: 'Resumed: the run waits for its turn' },
    ]);
  });
}

export async function finishFailed(training: Training, guard: RunGuard, failure: RunFailure, workerSeq: number): Promise<RunRow | null> {
  const changes = { ...atRest, worker_seq: workerSeq, failure: JSON.stringify(failure), finished_at: databaseNow };
  const event: NewEvent = { type: 'run-failed', level: 'error', message: failure.message, data: { ...failure } };
  return writeRun(training.db, { ...guard, transition: 'fail' }, changes, [event]);
}
