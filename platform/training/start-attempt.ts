/** From a run that is due to a process that trains it. */
import { mkdir } from 'node:fs/promises';
import { Adapter } from '#contract/adapter.ts';
import { Method } from '#contract/method.ts';
import { TrainingSettings, type TrainingJob } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { templateInstead } from '#platform/data/row-tokens.ts';
import { trainingDataPath } from '#platform/data/training-data.ts';
import { requireBaseModel } from '#platform/models/base-models.ts';
import { remainingBudget } from './budget.ts';
import { requireRewardModel } from '#platform/models/reward-models.ts';
import { resumePoint } from './checkpoints.ts';
import { keptSteps } from './kept-steps.ts';
import type { AttemptHandle } from './launcher.ts';
import { probePlan } from './probe-events.ts';
import { guardOf } from './record-event.ts';
import type { RunRow } from './rows.ts';
import { attemptFolder, runFolder } from './run-paths.ts';
import { isEnding } from './steering.ts';
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
  if (isEnding(run.desired)) return null;
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
  const attempt_dir = attemptFolder(training.dataDir, run.id, run.attempt);
  await mkdir(attempt_dir, { recursive: true });
  const resume_from = run.attempt === 1 ? null : await resumePoint(training, run, guardOf(training, run));
  const output_dir = runFolder(training.dataDir, run.id);
  const job = await buildJob(training, run, { run_id: run.id, attempt: run.attempt, output_dir, attempt_dir, resume_from });
  return {
    ...job,
    kept_steps: await keptSteps(training.db, run.id),
    probes: await probePlan(training.db, run),
    budget: await remainingBudget(training, run),
  };
}

type JobSubject = Pick<RunRow, 'project_id' | 'base_model' | 'training_file' | 'validation_file' | 'seed' | 'config'>;
type JobPlace = Pick<TrainingJob, 'run_id' | 'attempt' | 'output_dir' | 'attempt_dir' | 'resume_from'>;

/** The complete job of a run, or of the plan of one. Throws `model_not_ready`, `model_refused`, `file_not_found`. */
export async function buildJob(training: Training, subject: JobSubject, place: JobPlace): Promise<TrainingJob> {
  const base = await requireBaseModel(training.baseModels, subject.base_model).catch((error: unknown) => {
    // Told apart from a damaged checkpoint.
    const isDamaged = error instanceof PlatformError && error.code === 'artifact_corrupt';
    throw isDamaged ? new PlatformError('model_not_ready', error.message, { cause: error }) : error;
  });
  // A run of an older release has no value for a newer setting.
  const settings = TrainingSettings.parse(subject.config.settings);
  const file = (id: string): Promise<string> => trainingDataPath(training.files, subject.project_id, id);
  const method = Method.parse(subject.config.method);
  return {
    ...place,
    model: subject.base_model,
    model_dir: base.modelDir,
    base_sha256: base.baseSha256,
    training_file: await file(subject.training_file),
    validation_file: subject.validation_file === null ? null : await file(subject.validation_file),
    seed: subject.seed,
    adapter: Adapter.parse(subject.config.adapter),
    method,
    settings,
    chat_template: await templateInstead(base.modelDir, settings.prompt_template),
    reward_model_dir: await rewardModelDir(training, subject.project_id, method, { id: subject.base_model, sha256: base.baseSha256 }),
    grader_sandbox: [...(training.graderSandbox ?? [])],
    kept_steps: [],
    probes: null,
    budget: null,
  };
}

/** Null for a method that names none. */
async function rewardModelDir(
  training: Training,
  projectId: string,
  method: Method,
  base: Parameters<typeof requireRewardModel>[3],
): Promise<string | null> {
  return method.type === 'ppo' ? requireRewardModel(training.versions, projectId, method.reward_model, base) : null;
}
