/** What a run would take, told before it starts: measured on its own rows, and scored by the runs that followed. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';
import { RunConfig } from './training-run.ts';

/** Half of all runs stay below p50, nine in ten below p90. */
const quantiles = z.object({ p50: z.number().min(0), p90: z.number().min(0) });
export type Quantiles = z.infer<typeof quantiles>;

const failure = z.object({ message: z.string(), next_step: z.string() });
export type PlanFailure = z.infer<typeof failure>;

const parts = z.object({
  starting: z.number().min(0).describe('Reading and checking the rows, building the trainer.'),
  training: z.number().min(0),
  evaluating: z.number().min(0),
  saving: z.number().min(0),
  probing: z.number().min(0),
});

/** What was made of a measurement. */
export interface RunEstimate {
  time_seconds: Quantiles;
  parts: z.infer<typeof parts>;
  peak_memory_bytes: Quantiles;
  scored_runs: number;
}

export const TrainingPlan = z
  .object({
    id: z.string(),
    object: z.literal('training.plan'),
    created_at: UnixSeconds,
    state: z.enum(['measuring', 'ready', 'failed']),
    failure: failure.nullable(),
    model: z.string(),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    rows: z.int().min(1),
    total_steps: z.int().min(1).nullable().describe('Optimiser steps of the whole run; null until the rows are read.'),
    trained_tokens: z.int().min(0).nullable().describe('Tokens that carry loss, in one epoch; null until the rows are counted.'),
    measured_steps: z.int().min(0).describe('Optimiser steps that were taken and timed, of rows of this file.'),
    measuring_seconds: z.number().min(0),
    measured_beside: z.int().min(0).describe('Runs that trained at the same time; an estimate made beside them is wider.'),
    time_seconds: quantiles
      .nullable()
      .describe('From the start of its process until its model is saved; waiting in the queue not counted.'),
    parts: parts.nullable().describe('Seconds that make up time_seconds.p50.'),
    peak_memory_bytes: quantiles.nullable().describe('Of the process that trains, base model included; on a GPU, of its memory.'),
    memory_limit_bytes: z.int().min(0).nullable().describe('What the machine, its control group or its GPU has.'),
    cost: quantiles
      .extend({ currency: z.literal('USD') })
      .nullable()
      .describe('Null where TUNELOOP_COST_PER_HOUR says no price.'),
    budget: z
      .object({
        seconds: z.number().min(0),
        cause: z.enum(['time', 'cost']),
        steps: z
          .int()
          .min(1)
          .nullable()
          .describe('So many that nine in ten runs keep within it; null when not even one is sure to, or not yet measured.'),
      })
      .nullable()
      .describe('The tighter of max_seconds and max_cost: the run stops there, and keeps what it learnt. Null where neither was given.'),
    scored_runs: z.int().min(0).describe('Earlier runs of this machine that the estimate was corrected by.'),
    config: RunConfig,
  })
  .meta({ id: 'TrainingPlan' });
export type TrainingPlan = z.infer<typeof TrainingPlan>;

export const TrainingPlanDeleted = z
  .object({ id: z.string(), object: z.literal('training.plan'), deleted: z.literal(true) })
  .meta({ id: 'TrainingPlanDeleted' });
export type TrainingPlanDeleted = z.infer<typeof TrainingPlanDeleted>;

export const TrainingPlanScoresQuery = z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) });

/** A plan beside the run that was started from it. */
export const TrainingPlanScore = z
  .object({
    job_id: z.string(),
    plan_id: z.string(),
    finished_at: UnixSeconds,
    planned: quantiles.describe('Seconds.'),
    actual_seconds: z.number().min(0).describe('Over all attempts; queue and pauses not counted.'),
    error: z.number().min(0).describe('|p50 − actual| / actual.'),
    covered: z.boolean().describe('Whether the run stayed below p90.'),
    planned_memory_bytes: quantiles,
    actual_memory_bytes: z.int().min(0),
    memory_error: z.number().min(0),
    memory_covered: z.boolean(),
  })
  .meta({ id: 'TrainingPlanScore' });
export type TrainingPlanScore = z.infer<typeof TrainingPlanScore>;

export const TrainingPlanScores = z
  .object({
    object: z.literal('training.plan_scores'),
    count: z.int().min(0).describe('Scored runs of the project; the figures below are of those in data.'),
    median_error: z.number().min(0).nullable(),
    covered_by_p90: z.number().min(0).max(1).nullable().describe('Share of the runs that stayed below p90; the goal is 0.85.'),
    memory_median_error: z.number().min(0).nullable(),
    memory_covered_by_p90: z.number().min(0).max(1).nullable(),
    data: z.array(TrainingPlanScore).describe('Newest first.'),
  })
  .meta({ id: 'TrainingPlanScores' });
export type TrainingPlanScores = z.infer<typeof TrainingPlanScores>;
