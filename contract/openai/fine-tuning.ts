/** OpenAI's fine-tuning jobs with their events and checkpoints, as they are answered. */
import { z } from 'zod';
import { RunState } from '../training.ts';
import { Metadata, pageOf, pageQuery, UnixSeconds } from './common.ts';
import { autoOr } from './create-fine-tuning-job.ts';
import { JobIntegration } from './integrations.ts';

/** "auto" until the platform has chosen. */
const hyperparameters = z.object({
  n_epochs: autoOr(z.int()),
  batch_size: autoOr(z.int()),
  learning_rate_multiplier: autoOr(z.number()),
});

const reinforcementHyperparameters = hyperparameters.extend({
  compute_multiplier: autoOr(z.number()),
  eval_interval: autoOr(z.int()),
  eval_samples: autoOr(z.int()),
  reasoning_effort: z.literal('default'),
});
/** As it was sent. */
export const SentGrader = z.looseObject({ type: z.string() });

export const FineTuningJob = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job'),
    created_at: UnixSeconds,
    finished_at: UnixSeconds.nullable(),
    estimated_finish: UnixSeconds.nullable(),
    model: z.string().describe('Id of the base model.'),
    fine_tuned_model: z.string().nullable().describe('Id of the tuned model, once the run has succeeded.'),
    organization_id: z.string(),
    status: RunState,
    error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    result_files: z.array(z.string()),
    trained_tokens: z.int().min(0).nullable(),
    seed: z.int().min(0),
    hyperparameters,
    method: z
      .object({
        type: z.enum(['supervised', 'dpo', 'reinforcement']),
        supervised: z.object({ hyperparameters }).optional(),
        dpo: z.object({ hyperparameters: hyperparameters.extend({ beta: z.number() }) }).optional(),
        reinforcement: z.object({ grader: SentGrader, hyperparameters: reinforcementHyperparameters }).optional(),
      })
      .optional()
      .describe("Left out by a job of another method than OpenAI's: config.method has it."),
    integrations: z.array(JobIntegration),
    metadata: Metadata.nullable(),
  })
  .meta({ id: 'FineTuningJob' });
export type FineTuningJob = z.infer<typeof FineTuningJob>;

export const FineTuningJobList = pageOf(FineTuningJob).meta({ id: 'FineTuningJobList' });
export type FineTuningJobList = z.infer<typeof FineTuningJobList>;

export const FineTuningJobListQuery = pageQuery({ usual: 20, most: 100 }).extend({
  metadata: z.record(z.string(), z.string()).optional().describe('metadata[team]=a: jobs with this label.'),
});
export type FineTuningJobListQuery = z.output<typeof FineTuningJobListQuery>;

export const FineTuningJobEvent = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job.event'),
    created_at: UnixSeconds,
    level: z.enum(['info', 'warn', 'error']),
    message: z.string(),
    type: z.enum(['message', 'metrics']),
    data: z.record(z.string(), z.unknown()).describe('With metrics: step, train_loss, train_mean_token_accuracy, valid_loss …'),
  })
  .meta({ id: 'FineTuningJobEvent' });
export type FineTuningJobEvent = z.infer<typeof FineTuningJobEvent>;

/** Newest first. */
export const FineTuningJobEventList = pageOf(FineTuningJobEvent).meta({ id: 'FineTuningJobEventList' });
export type FineTuningJobEventList = z.infer<typeof FineTuningJobEventList>;

export const FineTuningJobEventListQuery = pageQuery({ usual: 20, most: 1000 });
export type FineTuningJobEventListQuery = z.output<typeof FineTuningJobEventListQuery>;

export const FineTuningJobCheckpoint = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job.checkpoint'),
    created_at: UnixSeconds,
    fine_tuned_model_checkpoint: z.string().describe('Model id that answers with this checkpoint.'),
    fine_tuning_job_id: z.string(),
    step_number: z.int().min(0),
    metrics: z.object({
      step: z.number(),
      train_loss: z.number().optional(),
      train_mean_token_accuracy: z.number().optional(),
      valid_loss: z.number().optional(),
      valid_mean_token_accuracy: z.number().optional(),
      full_valid_loss: z.number().optional(),
      full_valid_mean_token_accuracy: z.number().optional(),
    }),
  })
  .meta({ id: 'FineTuningJobCheckpoint' });
export type FineTuningJobCheckpoint = z.infer<typeof FineTuningJobCheckpoint>;

export const FineTuningJobCheckpointList = pageOf(FineTuningJobCheckpoint).meta({ id: 'FineTuningJobCheckpointList' });
export type FineTuningJobCheckpointList = z.infer<typeof FineTuningJobCheckpointList>;

export const FineTuningJobCheckpointListQuery = pageQuery({ usual: 10, most: 100 });
export type FineTuningJobCheckpointListQuery = z.output<typeof FineTuningJobCheckpointListQuery>;
