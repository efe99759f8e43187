/** How the next token is picked: the fields that chat completions and completions share. */
import { z } from 'zod';
import { Metadata, orDefault } from './common.ts';

/** Most answers to one prompt in one request. */
const mostChoices = 16;

export const samplingFields = {
  model: z.string().min(1),
  temperature: orDefault(z.number().min(0).max(2), 1).describe('0 always takes the likeliest token.'),
  top_p: orDefault(z.number().gt(0).max(1), 1).describe('Only the likeliest tokens that together hold this share.'),
  n: orDefault(z.int().min(1).max(mostChoices), 1).describe('Answers to the prompt.'),
  stop: z
    .union([z.string(), z.array(z.string()).max(4)])
    .nullish()
    .transform((given) => (typeof given === 'string' ? [given] : (given ?? [])).filter((text) => text !== ''))
    .describe('At most 4 texts; the answer ends before the first of them.'),
  seed: z.int().nullish().describe('Same seed, same model version, same request: same text.'),
  frequency_penalty: orDefault(z.number().min(-2).max(2), 0),
  presence_penalty: orDefault(z.number().min(-2).max(2), 0),
  logit_bias: orDefault(z.record(z.string().regex(/^\d+$/, { error: 'keys are token ids' }), z.number().min(-100).max(100)), {}).describe(
    'Token id → added to its logit, -100 to 100.',
  ),
  stream: orDefault(z.boolean(), false),
  stream_options: z.looseObject({ include_usage: orDefault(z.boolean(), false), include_obfuscation: z.boolean().nullish() }).nullish(),
  user: z.string().nullish(),
};

/** Accepted without effect, so that clients which always send them work. */
export const ignoredFields = {
  metadata: Metadata.nullish(),
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  prompt_cache_retention: z.string().nullish(),
  prompt_cache_options: z.unknown().optional(),
  verbosity: z.string().nullish(),
  reasoning_effort: z.string().nullish(),
};

/** `stream_options` says something about a stream, so without one it is refused, as OpenAI does. */
export function refuseLoneStreamOptions(request: { stream: boolean; stream_options?: unknown }, context: z.RefinementCtx): void {
  if (request.stream || request.stream_options === undefined || request.stream_options === null) return;
  context.addIssue({ code: 'custom', path: ['stream_options'], message: 'is only allowed when "stream" is true' });
}
