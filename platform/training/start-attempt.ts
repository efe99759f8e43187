/** From a run that is due to a process that trains it. */
import { mkdir } from 'node:fs/promises';
import type { TrainingJob } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { localPath } from '#platform/data/files.ts';
import { requireBaseModel } from '#platform/models/base-models.ts';
import { resumePoint } from './checkpoints.ts';
import type { AttemptHandle } from './launcher.ts';
import { guardOf } from './record-event.ts';
import type { RunRow } from './rows.ts';
import { attemptFolder, runFolder } from './run-paths.ts';
import type { Training } from './training.ts';
import { writeRun } from './write-run.ts';

/**
 * The handle of the run's attempt: stored, found again, or of a process started now. Null when `stopped` resolves before there is
 * one, or when the run is not ours any more. Throws what says why it cannot be started.
 */
export async function startAttempt(training: Training, run: RunRow, stopped: Promise<void>): Promise<AttemptHandle | null> {
  if (run.handle) return run.handle;
  const place = { run_id: run.id, attempt: run.attempt, attempt_dir: attemptFolder(training.dataDir, run.id, run.attempt) };
  const found = await training.launcher.find(place);
  if (found) return storeHandle(training, run, found);
  if (run.desired !== 'run') return null;
  const job = await jobOf(training, run);
  const starting = training.launcher.start(job).then((handle) => storeHandle(training, run, handle));
  return Promise.race([starting, stopped.then(() => null)]);
}

/** Null when the run is not ours any more; a process that came too late for a run that has stopped is ended. */
async function storeHandle(training: Training, run: RunRow, handle: AttemptHandle): Promise<AttemptHandle | null> {
  const stored = await writeRun(training.db, guardOf(training, run), { handle: JSON.stringify(handle) }, []);
  if (stored) return handle;
  const now = await training.db.selectFrom('runs').select(['state', 'attempt']).where('id', '=', run.id).executeTakeFirst();
  if (now?.state !== 'running' || now.attempt !== run.attempt) await training.launcher.kill(handle);
  return null;
}

/** Ends what an attempt may have left running, so that two never write to the folder of one run. */
export async function endAttempt(training: Training, run: RunRow): Promise<void> {
  const attempt_dir = attemptFolder(training.dataDir, run.id, run.attempt);
  const handle = run.handle ?? (await training.launcher.find({ run_id: run.id, attempt: run.attempt, attempt_dir }));
  if (handle) await training.launcher.kill(handle);
}

async function jobOf(training: Training, run: RunRow): Promise<TrainingJob> {
  const base = await requireBaseModel(training.baseModels, run.base_model).catch((error: unknown) => {
    // Told apart from a damaged checkpoint.
    const isDamaged = error instanceof PlatformError && error.code === 'artifact_corrupt';
    throw isDamaged ? new PlatformError('model_not_ready', error.message, { cause: error }) : error;
  });
  const file = (id: string): Promise<string> => localPath(training.files, run.project_id, id);
  const output_dir = runFolder(training.dataDir, run.id);
  const attempt_dir = attemptFolder(training.dataDir, run.id, run.attempt);
  await mkdir(attempt_dir, { recursive: true });
  return {
    run_id: run.id,
    attempt: run.attempt,
    model: run.base_model,
    model_dir: base.modelDir,
    base_sha256: base.baseSha256,
    training_file: await file(run.training_file),
    validation_file: run.validation_file === null ? null : await file(run.validation_file),
    output_dir,
    attempt_dir,
    resume_from: run.attempt === 1 ? null : await resumePoint(training, run, guardOf(training, run)),
    seed: run.seed,
    adapter: run.config.adapter,
    method: run.config.method,
    settings: run.config.settings,
  };
}
