/** The checkpoints of a run: listed, recorded when the worker has committed one, and found again to go on from. */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { servedFileOf } from '#contract/adapter.ts';
import type { WorkerEvent } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { failpoint } from '#platform/core/failpoint.ts';
import { newId } from '#platform/core/ids.ts';
import { registerVersion } from '#platform/models/versions.ts';
import { adapterSha256, readArtifactManifest, verifyArtifact } from './artifact.ts';
import { storedEvent } from './event-text.ts';
import type { CheckpointRow, Db, RunRow } from './rows.ts';
import { artifactPath } from './run-paths.ts';
import { getRun } from './runs.ts';
import type { Training } from './training.ts';
import { checkpointModelId, finalModelId } from './version-names.ts';
import { writeRun, type RunGuard } from './write-run.ts';

type CheckpointSaved = Extract<WorkerEvent, { type: 'checkpoint-saved' }>;
type CheckpointRemoved = Extract<WorkerEvent, { type: 'checkpoint-removed' }>;

/** Newest first; those that made room for newer ones are not listed. Throws `run_not_found`, `invalid_request`. */
export async function listCheckpoints(
  training: { db: Db },
  projectId: string,
  runId: string,
  page: { after?: string | undefined; limit: number },
): Promise<{ data: CheckpointRow[]; hasMore: boolean }> {
  await getRun(training, projectId, runId);
  const after = page.after === undefined ? null : await stepOf(training.db, runId, page.after);
  const rows = await training.db
    .selectFrom('checkpoints')
    .selectAll()
    .where('run_id', '=', runId)
    .where('removed_at', 'is', null)
    .$if(after !== null, (query) => query.where('step', '<', after!))
    .orderBy('step', 'desc')
    .limit(page.limit + 1)
    .execute();
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

async function stepOf(db: Db, runId: string, checkpointId: string): Promise<number> {
  const row = await db
    .selectFrom('checkpoints')
    .select('step')
    .where('id', '=', checkpointId)
    .where('run_id', '=', runId)
    .executeTakeFirst();
  if (!row) throw new PlatformError('invalid_request', `after: run ${runId} has no checkpoint ${checkpointId}`, { param: 'after' });
  return row.step;
}

/** Its row, its model version and its event, or none of them: null when the guard refused. */
export async function recordCheckpoint(training: Training, run: RunRow, guard: RunGuard, event: CheckpointSaved): Promise<RunRow | null> {
  const path = artifactPath(run.id, event.path);
  const folder = join(training.dataDir, path);
  // Read late, after a restart of the platform: the worker has made room since, and says so in a later event.
  if (!existsSync(folder)) return writeRun(training.db, guard, { worker_seq: event.seq }, [storedEvent(event)]);
  if (event.step === run.total_steps) void loadAhead(training, run, folder, event.manifest_sha256);
  const manifest = await verifyArtifact(folder, event.manifest_sha256).catch(brokenArtifact);
  if (manifest instanceof PlatformError) {
    const refused = {
      type: 'checkpoint-refused',
      level: 'warn' as const,
      message: `Checkpoint of step ${event.step} is not used: ${manifest.message}`,
      data: { step: event.step },
    };
    return writeRun(training.db, guard, { worker_seq: event.seq }, [refused]);
  }
  const modelId = await checkpointModelId(training.db, run, event.step);
  const stored = storedEvent(event);
  const recorded = await training.db.transaction().execute(async (db) => {
    const changes = { worker_seq: event.seq, step: event.step };
    const written = await writeRun(db, guard, changes, [{ ...stored, data: { ...stored.data, model: modelId } }]);
    if (!written) return null;
    const row = { step: event.step, path, manifest_sha256: event.manifest_sha256, metrics: JSON.stringify(metricsOf(event)) };
    await db
      .insertInto('checkpoints')
      .values({ id: newId('ftckpt_'), run_id: run.id, model_id: modelId, removed_at: null, ...row })
      // The step was trained again, because the checkpoint made before was found broken.
      .onConflict((conflict) => conflict.columns(['run_id', 'step']).doUpdateSet({ ...row, removed_at: null }))
      .execute();
    await registerVersion(
      { ...training.versions, db },
      {
        id: modelId,
        project_id: run.project_id,
        base_model: run.base_model,
        run_id: run.id,
        step: event.step,
        is_final: false,
        path,
        manifest_sha256: event.manifest_sha256,
        adapter_sha256: adapterSha256(manifest, run.config.adapter),
      },
    );
    const changed = await keepBestStep(db, run.id);
    failpoint('checkpoint-before-commit');
    return changed;
  });
  failpoint('checkpoint-after-commit');
  return recorded;
}

/** Lets the engine load what the run is about to end with. Whatever is wrong with it, the engine checks the file itself. */
async function loadAhead(training: Training, run: RunRow, folder: string, manifestSha256: string): Promise<void> {
  const { adapter, method, settings } = run.config;
  const isServed = method.type !== 'reward' && servedFileOf(adapter) === 'adapter.gguf';
  if (!training.onLastStep || !isServed || settings.load_best_model_at_end) return;
  try {
    const sha256 = adapterSha256(await readArtifactManifest(folder, manifestSha256), adapter);
    await training.onLastStep(run, await finalModelId(training.db, run), { file: join(folder, servedFileOf(adapter)), sha256 });
  } catch (error) {
    training.log.warn({ err: error, run: run.id }, 'the version of a run that ends could not be loaded ahead');
  }
}

/** The step with the lowest validation loss so far. */
function keepBestStep(db: Db, runId: string): Promise<RunRow> {
  const loss = sql`(metrics ->> 'full_valid_loss')::double precision`;
  const best = sql<
    number | null
  >`(select step from checkpoints where run_id = ${runId} and removed_at is null and ${loss} is not null order by ${loss}, step limit 1)`;
  return db.updateTable('runs').set({ best_step: best }).where('id', '=', runId).returningAll().executeTakeFirstOrThrow();
}

function metricsOf(event: CheckpointSaved): Record<string, number | null> {
  const { loss = null, mean_token_accuracy = null } = event.evaluation ?? {};
  return {
    step: event.step,
    train_loss: event.train_loss,
    train_mean_token_accuracy: event.train_mean_token_accuracy,
    valid_loss: loss,
    valid_mean_token_accuracy: mean_token_accuracy,
    full_valid_loss: loss,
    full_valid_mean_token_accuracy: mean_token_accuracy,
  };
}

/** The worker has removed it to keep to `save_total_limit`. */
export async function recordRemoval(training: Training, run: RunRow, guard: RunGuard, event: CheckpointRemoved): Promise<RunRow | null> {
  return training.db.transaction().execute(async (db) => {
    const written = await writeRun(db, guard, { worker_seq: event.seq }, [storedEvent(event)]);
    if (written) await forgetCheckpoint(db, run.id, event.step);
    return written;
  });
}

/**
 * Folder of the newest checkpoint that is whole; null when the run has made none. One that is broken is put aside and never used
 * again. Throws `artifact_corrupt` when all are broken: a fresh start would silently lose what was trained.
 */
export async function resumePoint(training: Training, run: RunRow, guard: RunGuard): Promise<string | null> {
  const rows = await training.db
    .selectFrom('checkpoints')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('removed_at', 'is', null)
    .orderBy('step', 'desc')
    .execute();
  for (const row of rows) {
    const folder = join(training.dataDir, row.path);
    const found = await verifyArtifact(folder, row.manifest_sha256).catch(brokenArtifact);
    if (!(found instanceof PlatformError)) return folder;
    await putAside(training, run, guard, row, found.message);
  }
  if (rows.length === 0) return null;
  throw new PlatformError('artifact_corrupt', `None of the ${rows.length} checkpoints of ${run.id} is as the worker wrote it`);
}

function brokenArtifact(error: unknown): PlatformError {
  if (error instanceof PlatformError && error.code === 'artifact_corrupt') return error;
  throw error;
}

async function putAside(training: Training, run: RunRow, guard: RunGuard, row: CheckpointRow, why: string): Promise<void> {
  const folder = join(training.dataDir, row.path);
  await rename(folder, join(dirname(folder), `.corrupt-step-${row.step}-${newId('')}`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await training.db.transaction().execute(async (db) => {
    const message = `Checkpoint of step ${row.step} is not used: ${why}`;
    const written = await writeRun(db, guard, {}, [{ type: 'checkpoint-refused', level: 'warn', message, data: { step: row.step } }]);
    if (written) await forgetCheckpoint(db, run.id, row.step);
  });
  training.feed.announce(run.id);
}

async function forgetCheckpoint(db: Db, runId: string, step: number): Promise<void> {
  const removed = await db
    .updateTable('checkpoints')
    .set({ removed_at: sql<Date>`clock_timestamp()` })
    .where('run_id', '=', runId)
    .where('step', '=', step)
    .returning('model_id')
    .executeTakeFirst();
  if (!removed) return;
  await db
    .updateTable('model_versions')
    .set({ deleted_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', removed.model_id)
    .execute();
}
