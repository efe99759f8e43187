/** The platform's own plain routes: one prompt in, text out, whole, as server-sent events, or over a WebSocket. */
import { z } from 'zod';
import { CompletionUsage } from './openai/chat-answers.ts';

export const GenerateRequest = z
  .looseObject({
    prompt: z.string(),
    model: z.string().min(1).optional().describe('Left out: the default model of this server.'),
    max_tokens: z.int().min(1).default(512),
    temperature: z.number().min(0).max(2).default(0.7),
  })
  .meta({ id: 'GenerateRequest' });
export type GenerateRequest = z.output<typeof GenerateRequest>;

const finishReason = z.enum(['stop', 'length']);

export const GenerateAnswer = z
  .object({
    text: z.string(),
    tokens: z.int().min(0).describe('How many were generated.'),
    finish_reason: finishReason,
    model: z.string(),
    usage: CompletionUsage,
    request_id: z.string(),
  })
  .meta({ id: 'GenerateAnswer' });
export type GenerateAnswer = z.infer<typeof GenerateAnswer>;

/** One `data:` line of /generate/stream; the stream ends with `data: [DONE]`. */
export const GenerateStreamPart = z.object({ text: z.string() }).meta({ id: 'GenerateStreamPart' });
export type GenerateStreamPart = z.infer<typeof GenerateStreamPart>;

/** What a client sends over /ws/generate: a prompt, or the end of the one that is being answered. */
export const GenerateSocketRequest = z
  .union([z.looseObject({ type: z.literal('cancel') }), GenerateRequest])
  .meta({ id: 'GenerateSocketRequest' });
export type GenerateSocketRequest = z.output<typeof GenerateSocketRequest>;

/** What it is sent: tokens, then `done` or `error`, for every prompt. */
export const GenerateSocketAnswer = z
  .union([
    z.object({ token: z.string() }),
    z.object({ done: z.literal(true), finish_reason: z.enum(['stop', 'length', 'cancelled']), usage: CompletionUsage }),
    z.object({
      error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string().nullable() }),
    }),
  ])
  .meta({ id: 'GenerateSocketAnswer' });
export type GenerateSocketAnswer = z.infer<typeof GenerateSocketAnswer>;
