/** The platform's own view of a training run: OpenAI's job, and what OpenAI's job has no field for. */
import { z } from 'zod';
import { Adapter } from './adapter.ts';
import { FailureCause } from './errors.ts';
import { Method } from './method.ts';
import { pageOf } from './openai/common.ts';
import { autoOr } from './openai/create-fine-tuning-job.ts';
import { FineTuningJob, FineTuningJobEvent, SentGrader } from './openai/fine-tuning.ts';
import { ProbeSettings } from './probe.ts';
import { TrainingSettings } from './training.ts';
import { MemoryPeaks, RowProblem, RunStop } from './worker.ts';

/** What a run was frozen to at its creation. */
export const RunConfig = z
  .object({
    adapter: Adapter,
    method: Method,
    settings: TrainingSettings,
    chosen: z
      .array(z.object({ field: z.string(), value: z.unknown(), why: z.string() }))
      .describe('What was "auto", what it became, and why.'),
    learning_rate_multiplier: z.number().positive(),
    reinforcement: z
      .object({
        grader: SentGrader,
        hyperparameters: z
          .object({ compute_multiplier: autoOr(z.number()).optional(), eval_samples: autoOr(z.int()).optional() })
          .optional(),
      })
      .optional()
      .describe("OpenAI's `method.reinforcement` as it was sent, where the job was one of that."),
    probes: ProbeSettings.optional().describe('Left out by runs that are older than probes.'),
  })
  .meta({ id: 'RunConfig' });
export type RunConfig = z.infer<typeof RunConfig>;

/** Why a run failed, and what the person can do about it. */
export const RunFailure = z
  .object({
    cause: FailureCause,
    message: z.string(),
    next_step: z.string(),
    rows: z.array(RowProblem).describe('Rows that cannot be trained on, the first 1,000.'),
    row_count: z.int().min(0),
  })
  .meta({ id: 'RunFailure' });
export type RunFailure = z.infer<typeof RunFailure>;

export const TrainingRun = FineTuningJob.extend({
  step: z.int().min(0).describe('Optimiser steps done.'),
  total_steps: z.int().min(1).nullable().describe('Null until the rows are counted.'),
  eta_seconds: z.number().min(0).nullable(),
  queue_position: z.int().min(1).nullable().describe('1 is next; null when the run does not wait.'),
  best_step: z.int().min(0).nullable().describe('Step of the checkpoint with the lowest validation loss.'),
  stop: RunStop.nullable().describe('Why it ended before its last step, with a model; null where it did not.'),
  memory_peaks: MemoryPeaks.describe('Of the newest attempt; empty before its first phase has ended.'),
  config: RunConfig,
  failure: RunFailure.nullable(),
}).meta({ id: 'TrainingRun' });
export type TrainingRun = z.infer<typeof TrainingRun>;

export const TrainingRunList = pageOf(TrainingRun).meta({ id: 'TrainingRunList' });
export type TrainingRunList = z.infer<typeof TrainingRunList>;

/** The rows that a report of a step was made of, in the order they were read. */
export const TrainingStepRows = z
  .object({
    object: z.literal('training.step_rows'),
    job_id: z.string(),
    first_step: z.int().min(1).describe('Steps are reported every logging_steps: the rows are those of all of them.'),
    last_step: z.int().min(1),
    loss: z.number(),
    training_file: z.string(),
    dataset: z
      .object({ name: z.string(), version: z.int().min(1) })
      .nullable()
      .describe('The version of a dataset that the run was trained on; null for a file.'),
    data: z
      .array(
        z.object({ row: z.int().min(1), value: z.unknown().describe('The row as it is trained on; null where it is longer than 64 KiB.') }),
      )
      .describe('The first 512.'),
  })
  .meta({ id: 'TrainingStepRows' });
export type TrainingStepRows = z.infer<typeof TrainingStepRows>;

/** One event of a run's live stream; `seq` is also the id of the server-sent event, so that a client resumes after it. */
export const TrainingRunEvent = FineTuningJobEvent.extend({
  seq: z.int().min(1).describe('1, 2, 3 … within the run, without gaps.'),
  event: z.string().describe('Noun and state: run-queued, run-step, checkpoint-saved, run-ended …'),
}).meta({ id: 'TrainingRunEvent' });
export type TrainingRunEvent = z.infer<typeof TrainingRunEvent>;

export const TrainingRunEventListQuery = z.object({
  before_seq: z.coerce.number().int().min(1).optional().describe('Events before this one; left out, the newest.'),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  kind: z.enum(['all', 'notable']).default('all').describe('notable leaves the reports of single steps and the answers to probes out.'),
});

/** Newest first. */
export const TrainingRunEventList = z
  .object({ object: z.literal('list'), data: z.array(TrainingRunEvent), has_more: z.boolean() })
  .meta({ id: 'TrainingRunEventList' });
export type TrainingRunEventList = z.infer<typeof TrainingRunEventList>;
