/** Aliases: names that stand for a model version and can be pointed at another one without a request noticing. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';

/** No colon and no slash: it is never mistaken for a tuned model or for a model of an upstream. */
export const aliasName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { error: 'takes 1 to 64 letters, digits, ".", "_" or "-"' })
  .describe('How requests name it in "model".');

export const AliasRequest = z
  .object({
    model: z.string().min(1).describe('The version that answers from now on: a tuned model, a checkpoint or a base model.'),
    reason: z.string().max(500).nullish().describe('For whoever reads the history.'),
  })
  .strict()
  .meta({ id: 'AliasRequest' });
export type AliasRequest = z.infer<typeof AliasRequest>;

export const AliasChange = z
  .object({
    revision: z.int().min(1).describe('1, 2, 3 … of this name, without gaps; a name that is made again goes on counting.'),
    action: z.enum(['set', 'rollback', 'delete']),
    model: z.string().nullable().describe('What it stood for from then on; null after delete.'),
    previous_model: z.string().nullable(),
    restores: z.int().min(1).nullable().describe('The revision that a rollback went back to.'),
    reason: z.string().nullable(),
    at: UnixSeconds,
  })
  .meta({ id: 'AliasChange' });
export type AliasChange = z.infer<typeof AliasChange>;

export const Alias = z
  .object({
    object: z.literal('alias'),
    name: aliasName,
    model: z.string().describe('The version that answers now.'),
    revision: z.int().min(1),
    created_at: UnixSeconds,
    updated_at: UnixSeconds,
    history: z.array(AliasChange).describe('Newest first, at most 100.'),
  })
  .meta({ id: 'Alias' });
export type Alias = z.infer<typeof Alias>;

export const AliasList = z
  .object({ object: z.literal('list'), data: z.array(Alias), has_more: z.literal(false) })
  .meta({ id: 'AliasList' });
export type AliasList = z.infer<typeof AliasList>;

export const AliasDeleted = z
  .object({ object: z.literal('alias'), name: aliasName, deleted: z.literal(true) })
  .meta({ id: 'AliasDeleted' });
export type AliasDeleted = z.infer<typeof AliasDeleted>;
