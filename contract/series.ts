/** A run's figures over its steps, few enough to draw: whole, from the first step to the newest. */
import { z } from 'zod';

const curve = z
  .object({
    step: z.array(z.int().min(0)).describe('Ascending: the last step of each bucket.'),
    mean: z.array(z.number()),
    min: z.array(z.number()),
    max: z.array(z.number()),
  })
  .describe('Four arrays of one length: a bucket of neighbouring steps at each index.');

/** Each figure and its unit. One more: a line here and one in `platform/training/series-buckets.ts`. */
export const seriesNames = [
  'loss',
  'eval_loss',
  'mean_token_accuracy',
  'learning_rate',
  'grad_norm',
  'tokens_per_second',
  'memory_bytes',
] as const;
export type SeriesName = (typeof seriesNames)[number];

export const TrainingSeries = z
  .object({
    object: z.literal('training.series'),
    job_id: z.string(),
    last_seq: z.int().min(0).describe('The newest event that is in it: follow the live stream after it, and nothing is missed or doubled.'),
    last_step: z.int().min(0),
    series: z.record(z.enum(seriesNames), curve).describe('A step that was trained again after a resume counts once, as it was last.'),
  })
  .meta({ id: 'TrainingSeries' });
export type TrainingSeries = z.infer<typeof TrainingSeries>;
export type Curve = z.infer<typeof curve>;

export const TrainingSeriesQuery = z.object({
  points: z.coerce.number().int().min(2).max(1500).default(1500).describe('Most buckets of each series.'),
});
