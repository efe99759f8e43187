/** What platform and worker say to each other: one JSON command in, one JSON event a line out. */
import { z } from 'zod';
import { FailureCause } from './errors.ts';
import { Probe, ProbeAnswer } from './probe.ts';
import { TrainingJob } from './training.ts';

/**
 * Lines that the warm worker (`python -m worker serve --socket FILE`) reads from its socket. It answers each with one line
 * `{"ok":true,…}` or `{"ok":false,"code","message"}`. A job outlives the connection; the worker outlives the platform only as long
 * as it has jobs. What is answered only when it is done (convert, score, export) ends with the connection that it was asked on.
 */
export const WorkerCommand = z
  .discriminatedUnion('command', [
    z
      .object({ command: z.literal('ping') })
      .describe('Answer: ok, pid, version, device, ready (libraries imported), jobs (run_id, attempt, pid).'),
    z.object({ command: z.literal('warm'), model_dir: z.string() }).describe('Loads a base model ahead of its first job.'),
    z.object({ command: z.literal('train'), job: TrainingJob }).describe('Forks a process for the job. Answer: ok, pid.'),
    z
      .object({ command: z.literal('measure'), job: TrainingJob })
      .describe('Forks a process that times some steps of the job. Answer: ok, pid.'),
    z.object({ command: z.literal('kill'), run_id: z.string(), attempt: z.int() }).describe('SIGKILL to the process of the job.'),
    z
      .object({ command: z.literal('convert'), gguf_file: z.string(), output_dir: z.string() })
      .describe('De-quantises a GGUF base model into a model_dir, in a forked process. Answer when done: ok.'),
    z
      .object({ command: z.literal('score'), task_file: z.string(), result_file: z.string() })
      .describe(
        'Judges answers by the weights as trained, in a forked process of low priority: ScoreTask → ScoreResult. Answer when done: ok.',
      ),
    z
      .object({ command: z.literal('export'), task_file: z.string() })
      .describe('Writes a model in another form, in a forked process: ExportTask → folder with ExportManifest. Answer when done: ok.'),
    z.object({ command: z.literal('shutdown') }).describe('Ends the worker once no job is left.'),
  ])
  .meta({ id: 'WorkerCommand' });
export type WorkerCommand = z.infer<typeof WorkerCommand>;

/** `control.json` in the attempt's folder, written whole by rename; the job reads it between two optimiser steps. */
export const WorkerControl = z
  .object({
    action: z.enum(['pause', 'cancel', 'stop']).nullable().describe('stop: the weights as they are become the final adapter.'),
    keep: z.int().min(0).describe('A number above the last one carried out asks for a checkpoint that is never removed; 0 asks for none.'),
  })
  .meta({ id: 'WorkerControl' });
export type WorkerControl = z.infer<typeof WorkerControl>;

/** A question that is answered once. */
export const WorkerQuestion = z
  .object({ probe: Probe, asked_at: z.number().describe('Unix time in seconds.') })
  .meta({ id: 'WorkerQuestion' });
export type WorkerQuestion = z.infer<typeof WorkerQuestion>;

/**
 * `probes.json` in the attempt's folder, written whole by rename: all that was asked of the run so far and is not done. The job reads
 * it between two optimiser steps, and while it answers.
 */
export const WorkerProbes = z
  .object({
    pinned: z.array(Probe).describe('Added since the attempt began.'),
    removed: z.array(z.string()).describe('Ids of pinned probes that are no longer answered, wherever they came from.'),
    questions: z.array(WorkerQuestion).describe('Oldest first.'),
  })
  .meta({ id: 'WorkerProbes' });
export type WorkerProbes = z.infer<typeof WorkerProbes>;

/** `exit.json` in the attempt's folder, written by the warm worker when the job's process has ended, however it ended. */
export const WorkerExit = z
  .object({
    pid: z.int(),
    exit_code: z.int().nullable(),
    signal: z.int().nullable(),
    peak_memory_bytes: z.int().nullable().describe('Since its last phase began.'),
  })
  .meta({ id: 'WorkerExit' });
export type WorkerExit = z.infer<typeof WorkerExit>;

/** One row of a training file that cannot be trained on. `row` counts from 1, as the lines of the file do. */
export const RowProblem = z.object({ row: z.int().min(1), reason: z.string() }).meta({ id: 'RowProblem' });
export type RowProblem = z.infer<typeof RowProblem>;

const common = {
  seq: z.int().min(1).describe('1, 2, 3 … within the attempt, without gaps.'),
  at: z.number().describe('Unix time in seconds.'),
};

/** What a method measures besides the loss, under the names that TRL gives it. */
const methodMetrics = z
  .record(z.string(), z.number())
  .default({})
  .describe('rewards/margins, rewards/accuracies, logps/chosen … by the method; empty where the loss says all.');

const evaluation = {
  loss: z.number().describe('In nats: mean over trained tokens, or over rows where a method compares whole answers.'),
  perplexity: z.number(),
  mean_token_accuracy: z.number().min(0).max(1),
  metrics: methodMetrics,
};

/** What a worker does, one after the other; evaluating and saving come again and again. */
export const RunPhase = z.enum(['checking', 'loading', 'training', 'evaluating', 'saving']).meta({ id: 'RunPhase' });
export type RunPhase = z.infer<typeof RunPhase>;

/** Most memory in bytes that each phase has held: resident, pages of the base model included; on a GPU, of its memory. */
export const MemoryPeaks = z.partialRecord(RunPhase, z.int().min(0)).meta({ id: 'MemoryPeaks' });
export type MemoryPeaks = z.infer<typeof MemoryPeaks>;

/** Why a run ended before its last step, with a model. */
export const RunStop = z
  .object({
    cause: z
      .enum(['asked', 'early_stopping', 'time', 'cost'])
      .describe('A person stopped it, the validation loss got no lower, or its budget was spent.'),
    step: z.int().min(1).describe('Optimiser steps done.'),
    message: z.string().describe('For people: what happened, with its figures.'),
  })
  .meta({ id: 'RunStop' });
export type RunStop = z.infer<typeof RunStop>;

/** What the model scores on the rows of the validation file. */
export const Evaluation = z.object(evaluation).meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof Evaluation>;

/** What a run was trained with, beside its configuration: needed to make it again bit for bit. */
export const WorkerEnvironment = z
  .object({
    python: z.string(),
    packages: z.record(z.string(), z.string()).describe('Name → version of every library that touches a number.'),
    system: z.string().describe('Operating system, release and machine type.'),
    processor: z.string(),
    cores: z.int(),
    memory_bytes: z.int(),
    gpus: z.array(z.string()),
  })
  .meta({ id: 'WorkerEnvironment' });
export type WorkerEnvironment = z.infer<typeof WorkerEnvironment>;

/** One optimiser step of a measurement. */
const measuredStep = {
  type: z.literal('step-measured'),
  step: z.int().min(1).describe('1, 2, 3 … of the measurement.'),
  steps: z.int().min(1).describe('How many are to be measured, time allowing.'),
  work: z.number().describe('Multiplications, counted from the shapes of its batches.'),
  seconds: z.number().describe('From the end of the step before to its own.'),
  cpu_seconds: z.number().describe('Of all threads of the process.'),
};

/** What the whole run would take, as far as the worker can tell from some of its steps. */
const measuredRun = {
  type: z.literal('run-measured'),
  machine: z.string().describe('Estimates are corrected by earlier runs of the same machine only.'),
  measured_steps: z.int().min(1),
  seconds: z.number().describe('Of the measurement.'),
  threads: z.int().min(1),
  other_load: z.number().min(0).describe('Cores that other processes kept busy meanwhile.'),
  start_seconds: z.number().describe('Rows read and checked, trainer built, and what the first step takes above the others.'),
  step_seconds: z.number().describe('All steps of the schedule.'),
  step_cpu_seconds: z.number().describe('The same in CPU seconds of all threads.'),
  spread: z.number().min(0).describe('Standard deviation of the logarithm of measured over fitted step seconds.'),
  evaluations: z.int().min(0),
  evaluation_seconds: z.number().describe('All of them.'),
  saves: z.int().min(1).describe('Checkpoints, and the adapter at the end.'),
  save_seconds: z.number().describe('All of them.'),
  peak_memory_bytes: z.int().describe('Of the measurement, whose batches include the largest.'),
  kept_bytes: z.int().min(0).describe('What a whole run keeps in memory beyond that: states of frozen layers, by row.'),
  memory_limit_bytes: z.int(),
};

/**
 * Lines of `events.jsonl` in the attempt's folder. The last one is run-ended, run-paused, run-cancelled or run-failed; of a
 * measurement run-measured, run-cancelled or run-failed.
 */
export const WorkerEvent = z
  .discriminatedUnion('type', [
    z.object({ ...common, type: z.literal('run-started'), pid: z.int(), device: z.string(), threads: z.int(), precision: z.string() }),
    z.object({ ...common, type: z.literal('run-phase'), phase: RunPhase }),
    z
      .object({ ...common, type: z.literal('memory-profiled'), peaks: MemoryPeaks })
      .describe('Whenever a phase has ended that held more than it ever had in this attempt, and before the last event.'),
    z.object({
      ...common,
      type: z.literal('data-checked'),
      rows: z.int(),
      total_tokens: z.int(),
      trained_tokens: z.int().describe('Tokens that carry loss, in one epoch.'),
      longest_row_tokens: z.int(),
      total_steps: z.int().describe('Optimiser steps of the whole run.'),
    }),
    z
      .object({
        ...common,
        type: z.literal('environment-recorded'),
        environment: WorkerEnvironment,
        training_sha256: z.string().describe('Of the file as the worker read it.'),
        validation_sha256: z.string().nullable(),
        validation_rows: z.int().min(0),
      })
      .describe('Once an attempt, after data-checked: what a receipt needs to know.'),
    z.object({
      ...common,
      type: z.literal('run-step'),
      step: z.int(),
      total_steps: z.int(),
      epoch: z.number(),
      loss: z.number(),
      mean_token_accuracy: z.number().nullable(),
      learning_rate: z.number(),
      grad_norm: z.number(),
      seen_tokens: z.int().describe('Tokens of all forward passes so far, padding left out.'),
      step_seconds: z.number().describe('Wall-clock seconds within the optimiser steps since the last report; all else is overhead.'),
      tokens_per_second: z.number(),
      memory_bytes: z.int().describe('Resident memory of the process, or allocated memory of the GPU.'),
      eta_seconds: z.number().nullable(),
      metrics: methodMetrics,
      rows: z
        .array(z.int().min(1))
        .max(512)
        .default([])
        .describe('Rows of the training file in the steps since the last report, in the order they were read; the first 512.'),
    }),
    z.object({ ...common, type: z.literal('run-evaluated'), step: z.int(), ...evaluation }),
    z.object({
      ...common,
      type: z.literal('checkpoint-saved'),
      step: z.int(),
      path: z.string().describe('Folder, relative to output_dir; complete, with manifest.json and the file that answers.'),
      manifest_sha256: z.string(),
      train_loss: z.number().nullable(),
      train_mean_token_accuracy: z.number().nullable(),
      evaluation: Evaluation.nullable(),
      kept: z.boolean().default(false).describe('Asked for by a person: it is never removed to make room.'),
    }),
    z.object({ ...common, type: z.literal('checkpoint-removed'), step: z.int(), path: z.string() }),
    z.object({ ...common, type: z.literal('run-paused'), step: z.int(), path: z.string() }),
    z.object({ ...common, type: z.literal('run-cancelled'), step: z.int(), path: z.string().nullable() }),
    z.object({
      ...common,
      type: z.literal('run-ended'),
      step: z.int(),
      path: z.string().describe('Folder of the final adapter, relative to output_dir.'),
      manifest_sha256: z.string(),
      trained_tokens: z.int().describe('Tokens seen over all epochs, padding left out.'),
      best_step: z.int().nullable(),
      train_loss: z.number(),
      evaluation: Evaluation.nullable(),
      seconds: z.number(),
      peak_memory_bytes: z.int(),
      stopped_early: z.boolean().default(false).describe('Before the last step: `stop` says why.'),
      stop: RunStop.nullable().default(null),
      model_step: z
        .int()
        .min(0)
        .nullable()
        .default(null)
        .describe('Step whose weights the final adapter has, where that is the best and not the last; null is `step`.'),
    }),
    z.object({ ...common, type: z.literal('probe-added'), probe: Probe }),
    z.object({
      ...common,
      type: z.literal('probe-removed'),
      probe_id: z.string(),
      reason: z.string().describe('Why it cannot be answered.'),
    }),
    z.object({ ...common, type: z.literal('probe-answered'), ...ProbeAnswer.shape }),
    z.object({
      ...common,
      type: z.literal('probe-round'),
      step: z.int().min(0),
      share: z.number().describe('Of the wall time of the attempt so far that probes took.'),
      interval_steps: z.int().min(1).describe('Steps until the budget allows the next round.'),
      seconds: z.number().describe('That this round took.'),
    }),
    z.object({
      ...common,
      type: z.literal('run-failed'),
      cause: FailureCause,
      message: z.string(),
      next_step: z.string().describe('What the person can do about it.'),
      rows: z.array(RowProblem).describe('With cause data_error: every row that cannot be trained on (the first 1,000).'),
      row_count: z.int().describe('How many rows cannot be trained on.'),
    }),
    z.object({ ...common, ...measuredStep }),
    z.object({ ...common, ...measuredRun }),
    z.object({ ...common, type: z.literal('log'), level: z.enum(['info', 'warn', 'error']), message: z.string() }),
  ])
  .meta({ id: 'WorkerEvent' });
export type WorkerEvent = z.infer<typeof WorkerEvent>;
export type RunMeasured = Extract<WorkerEvent, { type: 'run-measured' }>;

/** A file of an artifact, as its manifest vouches for it. */
export const ArtifactFile = z
  .object({
    path: z.string().describe('Relative to the folder of the manifest.'),
    size: z.int().min(0).describe('In bytes.'),
    sha256: z.string(),
  })
  .meta({ id: 'ArtifactFile' });
export type ArtifactFile = z.infer<typeof ArtifactFile>;

/** `manifest.json`: written last, fsynced, before the folder gets its final name. What is not in it does not exist. */
export const ArtifactManifest = z
  .object({
    version: z.literal(1),
    kind: z.enum(['checkpoint', 'adapter']),
    run_id: z.string(),
    attempt: z.int(),
    step: z.int(),
    base_model: z.string(),
    base_sha256: z.string(),
    config_sha256: z.string().describe('Of the canonical JSON of adapter, method, settings and seed.'),
    files: z.array(ArtifactFile),
  })
  .meta({ id: 'ArtifactManifest' });
export type ArtifactManifest = z.infer<typeof ArtifactManifest>;
