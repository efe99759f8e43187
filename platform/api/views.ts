/** Rows of the database as the wire shows them: files, jobs, runs, checkpoints, models. */
import type { Alias } from '#contract/alias.ts';
import type { FileObject } from '#contract/openai/files.ts';
import type { FineTuningJob, FineTuningJobCheckpoint } from '#contract/openai/fine-tuning.ts';
import type { Model } from '#contract/openai/models.ts';
import type { Upload, UploadPart } from '#contract/openai/uploads.ts';
import type { RunConfig, TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import type { CheckpointRow, RunEventRow, RunRow } from '#platform/training/rows.ts';
import { viewEvent } from '#platform/training/view-event.ts';
import type { TrainedVersion } from '#platform/models/versions.ts';
import type { FileRow } from '#platform/data/files.ts';
import type { UploadPartRow, UploadRow } from '#platform/data/uploads.ts';
import type { AliasRow, AliasWithHistory } from '#platform/models/aliases.ts';
import { unixSeconds } from './list-page.ts';

/** One instance is one organisation. */
const organizationId = 'org-tuneloop';

/** An upload is checked when a job uses it, so it is ready at once: clients wait for "processed". */
export function viewFile(row: FileRow): FileObject {
  return {
    id: row.id,
    object: 'file',
    bytes: row.bytes,
    created_at: unixSeconds(row.created_at),
    ...(row.expires_at && { expires_at: unixSeconds(row.expires_at) }),
    filename: row.filename,
    purpose: row.purpose as FileObject['purpose'],
    status: 'processed',
  };
}

export function viewUpload(row: UploadRow, file: FileRow | null): Upload {
  return {
    id: row.id,
    object: 'upload',
    bytes: row.bytes,
    created_at: unixSeconds(row.created_at),
    expires_at: unixSeconds(row.expires_at),
    filename: row.filename,
    purpose: row.purpose as Upload['purpose'],
    status: row.status,
    file: file && viewFile(file),
  };
}

export function viewUploadPart(row: UploadPartRow): UploadPart {
  return { id: row.id, object: 'upload.part', created_at: unixSeconds(row.created_at), upload_id: row.upload_id };
}

export function viewJob(row: RunRow): FineTuningJob {
  const hyperparameters = {
    n_epochs: row.config.settings.n_epochs,
    batch_size: row.config.settings.batch_size,
    learning_rate_multiplier: row.config.learning_rate_multiplier,
  };
  const isRunning = row.state === 'running' && row.eta_seconds !== null;
  return {
    id: row.id,
    object: 'fine_tuning.job',
    created_at: unixSeconds(row.created_at),
    finished_at: row.finished_at && unixSeconds(row.finished_at),
    estimated_finish: isRunning ? Math.round(Date.now() / 1000 + row.eta_seconds!) : null,
    model: row.base_model,
    fine_tuned_model: row.fine_tuned_model,
    organization_id: organizationId,
    status: row.state,
    error: row.failure && { code: row.failure.cause, message: `${row.failure.message} ${row.failure.next_step}`.trim(), param: null },
    training_file: row.training_file,
    validation_file: row.validation_file,
    result_files: row.result_file === null ? [] : [row.result_file],
    trained_tokens: row.trained_tokens,
    seed: row.seed,
    hyperparameters,
    ...methodOf(row.config, hyperparameters),
    integrations: row.integrations,
    metadata: row.metadata,
  };
}

/** Nothing for a method that OpenAI's API has no word for. */
function methodOf(config: RunConfig, hyperparameters: FineTuningJob['hyperparameters']): Pick<FineTuningJob, 'method'> {
  const { method, reinforcement } = config;
  if (reinforcement) {
    const { compute_multiplier = 'auto', eval_samples = 'auto' } = reinforcement.hyperparameters ?? {};
    const more = {
      compute_multiplier,
      eval_samples,
      eval_interval: config.settings.eval_steps ?? 'auto',
      reasoning_effort: 'default',
    } as const;
    return {
      method: { type: 'reinforcement', reinforcement: { grader: reinforcement.grader, hyperparameters: { ...hyperparameters, ...more } } },
    };
  }
  if (method.type === 'supervised') return { method: { type: 'supervised', supervised: { hyperparameters } } };
  return method.type === 'dpo' ? { method: { type: 'dpo', dpo: { hyperparameters: { ...hyperparameters, beta: method.beta } } } } : {};
}

/** The platform's own view of a run: the job and what OpenAI's has no field for. `queuePosition` 1 is next. */
export function viewRun(row: RunRow, queuePosition: number | null): TrainingRun {
  return {
    ...viewJob(row),
    step: row.step,
    total_steps: row.total_steps,
    eta_seconds: row.eta_seconds,
    queue_position: queuePosition,
    best_step: row.best_step,
    stop: row.stop,
    memory_peaks: row.memory_peaks ?? {},
    config: row.config,
    failure: row.failure,
  };
}

export function viewRunEvent(row: RunEventRow): TrainingRunEvent {
  return { ...viewEvent(row), seq: row.seq, event: row.type };
}

export function viewCheckpoint(row: CheckpointRow): FineTuningJobCheckpoint {
  const measured = Object.entries(row.metrics).filter(([, value]) => value !== null);
  return {
    id: row.id,
    object: 'fine_tuning.job.checkpoint',
    created_at: unixSeconds(row.created_at),
    fine_tuned_model_checkpoint: row.model_id,
    fine_tuning_job_id: row.run_id,
    step_number: row.step,
    metrics: { ...Object.fromEntries(measured), step: row.step },
  };
}

export function viewVersion(row: TrainedVersion): Model {
  return {
    id: row.id,
    object: 'model',
    created: unixSeconds(row.created_at),
    owned_by: row.project_id,
    shutdown_date: null,
    x_kind: row.method === 'reward' ? 'reward_model' : row.is_final ? 'adapter' : 'checkpoint',
    x_base_model: row.base_model,
    x_run_id: row.run_id,
    x_step: row.step,
    x_sha256: row.adapter_sha256,
  };
}

/** A model of another server, `<name>/<model>`: nothing is known of it but its name. */
export function viewUpstreamModel(id: string): Model {
  return { ...viewBaseModel(id), owned_by: id.split('/')[0]!, x_kind: 'upstream' };
}

/** `created` of a base model: this instance has no row for it, and clients want a number. */
export function viewBaseModel(id: string): Model {
  return {
    id,
    object: 'model',
    created: 0,
    owned_by: 'tuneloop',
    shutdown_date: null,
    x_kind: 'base',
    x_base_model: null,
    x_run_id: null,
    x_step: null,
    x_sha256: null,
  };
}

export function viewAlias(row: AliasWithHistory): Alias {
  return {
    object: 'alias',
    name: row.name,
    model: row.model,
    revision: row.revision,
    created_at: unixSeconds(row.created_at),
    updated_at: unixSeconds(row.updated_at),
    history: row.history.map(({ revision, action, model, previous_model, restores, reason, at }) => {
      return { revision, action, model, previous_model, restores, reason, at: unixSeconds(at) };
    }),
  };
}

/** An alias as a model that answers: what it stands for, under its own name. */
export function viewAliasModel(row: AliasRow, target: Model): Model {
  return {
    ...target,
    id: row.name,
    created: unixSeconds(row.updated_at),
    x_kind: 'alias',
    x_base_model: target.x_base_model ?? target.id,
    x_alias_of: target.id,
  };
}
