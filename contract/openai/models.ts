/** OpenAI's models: base models, fine-tuned models and their checkpoints, all answering under their id. */
import { z } from 'zod';
import { UnixSeconds } from './common.ts';

/** OpenAI's fields, then ours with `x_`: clients ignore what they do not know. */
export const Model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: UnixSeconds,
    owned_by: z.string(),
    shutdown_date: z.string().nullable(),
    x_kind: z
      .enum(['base', 'adapter', 'checkpoint', 'alias', 'upstream', 'reward_model'])
      .describe('A reward_model scores answers, for training by PPO; it cannot be asked.'),
    x_base_model: z.string().nullable().describe('Id of the base model beneath an adapter; null for a base model.'),
    x_run_id: z.string().nullable().describe('The run that trained it; null for a base model.'),
    x_step: z.int().min(0).nullable().describe('Optimiser step of a checkpoint.'),
    x_sha256: z.string().nullable().describe('Hash of the weights that answer; null when it is not known yet.'),
    x_alias_of: z.string().optional().describe('Of an alias: the version that answers under its name now.'),
  })
  .meta({ id: 'Model' });
export type Model = z.infer<typeof Model>;

/** Never paged: OpenAI's clients read one page of models. */
export const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) }).meta({ id: 'ModelList' });
export type ModelList = z.infer<typeof ModelList>;

export const ModelDeleted = z.object({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) }).meta({ id: 'ModelDeleted' });
export type ModelDeleted = z.infer<typeof ModelDeleted>;
