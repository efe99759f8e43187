/** OpenAI's completions: text or token ids in, text out, no chat template; what evaluation harnesses score with. */
import { z } from 'zod';
import { CompletionUsage } from './chat-answers.ts';
import { orDefault, UnixSeconds } from './common.ts';
import { unsupported } from './request-problem.ts';
import { ignoredFields, refuseLoneStreamOptions, samplingFields } from './sampling.ts';

const tokenIds = z.array(z.int().min(0)).min(1);

export const CompletionRequest = z
  .looseObject({
    ...samplingFields,
    ...ignoredFields,
    prompt: z
      .union([z.string(), tokenIds, z.array(z.string()).min(1), z.array(tokenIds).min(1)])
      .nullable()
      .describe('One or several prompts, each as text or as token ids; null is the empty prompt.'),
    max_tokens: orDefault(z.int().min(0), 16).describe('0 with "echo" scores the prompt.'),
    echo: orDefault(z.boolean(), false).describe('The text, and the logprobs, begin with the prompt.'),
    logprobs: z.int().min(0).max(5).nullish().describe('Likeliest tokens told at each place.'),
    best_of: z.int().min(1).max(16).nullish().describe('So many answers are made, the n likeliest are told.'),
    suffix: unsupported('filling in the middle is not served'),
  })
  .superRefine(refuseLoneStreamOptions)
  .superRefine((request, context) => {
    const bestOf = request.best_of ?? request.n;
    if (bestOf < request.n) context.addIssue({ code: 'custom', path: ['best_of'], message: `must be at least n (${request.n})` });
    if (bestOf > request.n && request.stream) {
      context.addIssue({ code: 'custom', path: ['best_of'], message: 'cannot be greater than n in a stream' });
    }
  })
  .meta({ id: 'CompletionRequest' });
export type CompletionRequest = z.output<typeof CompletionRequest>;

/** Arrays of equal length, one entry a token. */
export const CompletionLogprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()).describe('In nats; null for the first token of an echoed prompt.'),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
    text_offset: z.array(z.int().min(0)).describe('Where the token begins in the text, in characters.'),
  })
  .meta({ id: 'CompletionLogprobs' });
export type CompletionLogprobs = z.infer<typeof CompletionLogprobs>;

const choice = z.object({
  index: z.int().min(0),
  text: z.string(),
  logprobs: CompletionLogprobs.nullable(),
  finish_reason: z.enum(['stop', 'length', 'content_filter']),
});

const answerFields = {
  id: z.string(),
  object: z.literal('text_completion'),
  created: UnixSeconds,
  model: z.string().describe('As the caller named it; the header x-tuneloop-version names the exact version.'),
  system_fingerprint: z.string(),
};

export const Completion = z.object({ ...answerFields, choices: z.array(choice), usage: CompletionUsage }).meta({ id: 'Completion' });
export type Completion = z.infer<typeof Completion>;

/** A piece of a streamed completion: like the whole, but unfinished until its last. */
export const CompletionChunk = z
  .object({
    ...answerFields,
    choices: z.array(choice.extend({ finish_reason: choice.shape.finish_reason.nullable() })),
    usage: CompletionUsage.nullable().optional(),
  })
  .meta({ id: 'CompletionChunk' });
export type CompletionChunk = z.infer<typeof CompletionChunk>;
