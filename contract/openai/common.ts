/** What OpenAI's resources have in common: lists and their queries, deletions, metadata, usage. */
import { z } from 'zod';

/** A field that may be left out or sent as null; either way the default holds. */
export function orDefault<Schema extends z.ZodType>(schema: Schema, value: z.output<Schema>) {
  return schema.nullish().transform((given) => given ?? value);
}

/** Unix time in whole seconds. */
export const UnixSeconds = z.int().min(0).describe('Unix time in seconds.');

/** Up to 16 labels of the caller's own. */
export const Metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((labels) => Object.keys(labels).length <= 16, { error: 'at most 16 keys' })
  .meta({ id: 'Metadata' });
export type Metadata = z.infer<typeof Metadata>;

/** The envelope of a list that is read page by page: `after` = `last_id` until `has_more` is false. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  });
}

/** The query of such a list; a query string carries text only, so numbers are read from text. */
export function pageQuery(limits: { usual: number; most: number }) {
  return z.object({
    after: z.string().min(1).optional().describe('Id of the last item of the page before.'),
    limit: z.coerce.number().int().min(1).max(limits.most).default(limits.usual),
    order: z.enum(['asc', 'desc']).default('desc').describe('By time of creation.'),
  });
}
