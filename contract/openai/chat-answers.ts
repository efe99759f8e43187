/** What a chat completion is answered with: one object, or a stream of chunks. */
import { z } from 'zod';
import { UnixSeconds } from './common.ts';

export const CompletionUsage = z
  .object({
    prompt_tokens: z.int().min(0),
    completion_tokens: z.int().min(0),
    total_tokens: z.int().min(0),
    prompt_tokens_details: z.object({ cached_tokens: z.int().min(0) }),
  })
  .meta({ id: 'CompletionUsage' });
export type CompletionUsage = z.infer<typeof CompletionUsage>;

const scoredToken = {
  token: z.string(),
  logprob: z.number().describe('In nats.'),
  bytes: z.array(z.int().min(0).max(255)).nullable(),
};

export const ChatTokenLogprob = z
  .object({ ...scoredToken, top_logprobs: z.array(z.object(scoredToken)).describe('Likeliest tokens at this place, best first.') })
  .meta({ id: 'ChatTokenLogprob' });
export type ChatTokenLogprob = z.infer<typeof ChatTokenLogprob>;

const logprobs = z.object({ content: z.array(ChatTokenLogprob).nullable(), refusal: z.array(ChatTokenLogprob).nullable() }).nullable();

export const ChatToolCall = z
  .object({
    id: z.string(),
    type: z.literal('function'),
    function: z.object({ name: z.string(), arguments: z.string().describe('JSON as text.') }),
  })
  .meta({ id: 'ChatToolCall' });
export type ChatToolCall = z.infer<typeof ChatToolCall>;

const functionCall = z.object({ name: z.string(), arguments: z.string() });

export const ChatFinishReason = z
  .enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call'])
  .meta({ id: 'ChatFinishReason' });
export type ChatFinishReason = z.infer<typeof ChatFinishReason>;

const answerFields = {
  id: z.string(),
  created: UnixSeconds,
  model: z.string().describe('As the caller named it; the header x-tuneloop-version names the exact version.'),
  service_tier: z.literal('default'),
  system_fingerprint: z.string().describe('Changes when the weights that answer change.'),
};

export const ChatCompletion = z
  .object({
    ...answerFields,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.int().min(0),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.string().nullable(),
          tool_calls: z.array(ChatToolCall).optional(),
          function_call: functionCall.optional().describe('Only for a request with the deprecated "functions".'),
        }),
        finish_reason: ChatFinishReason,
        logprobs,
      }),
    ),
    usage: CompletionUsage,
  })
  .meta({ id: 'ChatCompletion' });
export type ChatCompletion = z.infer<typeof ChatCompletion>;

/** `index` is on every delta; `id`, `type` and the name only on the first of a call. */
const toolCallDelta = z.object({
  index: z.int().min(0),
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string().optional() }),
});

/** Order: role (content "") · deltas · one with the finish reason per choice · with include_usage one without choices. */
export const ChatCompletionChunk = z
  .object({
    ...answerFields,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int().min(0),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().nullable().optional(),
          refusal: z.string().nullable().optional(),
          tool_calls: z.array(toolCallDelta).optional(),
          function_call: functionCall.partial().optional(),
        }),
        finish_reason: ChatFinishReason.nullable(),
        logprobs,
      }),
    ),
    usage: CompletionUsage.nullable().optional().describe('With include_usage: null until the last chunk.'),
  })
  .meta({ id: 'ChatCompletionChunk' });
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;
