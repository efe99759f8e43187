/** What the `transformers` engine and its worker (`python -m worker generate`) say to each other: one JSON line each on stdin and stdout. */
import { z } from 'zod';

const id = z.int().min(0).describe('Pairs an answer with its question.');

/** What answers: a base model, alone or with something trained. Paths are absolute. */
export const ServingVersion = z
  .object({
    id: z.string(),
    model_dir: z.string().describe('Folder with config.json, *.safetensors and the tokenizer.'),
    adapter_dir: z.string().nullable().describe('Folder with an adapter as PEFT reads it, or with all weights; null is the base itself.'),
    sha256: z.string().nullable().describe('Of the trained weights: the same id may come back with others.'),
  })
  .meta({ id: 'ServingVersion' });
export type ServingVersion = z.infer<typeof ServingVersion>;

export const ServingRequest = z
  .object({
    version: ServingVersion,
    prompt: z.array(z.int().min(0)).min(1),
    max_tokens: z.int().min(0),
    temperature: z.number().min(0).describe('0 takes the likeliest token.'),
    top_p: z.number(),
    top_k: z.int().nullable(),
    min_p: z.number().nullable(),
    seed: z.int(),
    frequency_penalty: z.number(),
    presence_penalty: z.number(),
    logit_bias: z.record(z.string(), z.number()).describe('Token id → added to its logit.'),
    top_logprobs: z.int().min(0).nullable().describe('Null asks for no log-probabilities.'),
    echo: z.boolean().describe('Also scores the prompt.'),
  })
  .meta({ id: 'ServingRequest' });
export type ServingRequest = z.infer<typeof ServingRequest>;

export const ServingCommand = z
  .discriminatedUnion('command', [
    z.object({ command: z.literal('load'), id, version: ServingVersion }).describe('Answer: loaded.'),
    z.object({ command: z.literal('unload'), id, version_id: z.string() }).describe('Answer: done, once its running answers have ended.'),
    z
      .object({
        command: z.literal('tokenize'),
        id,
        version: ServingVersion,
        text: z.string(),
        special: z.enum(['plain', 'special', 'rendered']).describe('special begins as texts of this model do; rendered is whole already.'),
      })
      .describe('Answer: tokens.'),
    z
      .object({ command: z.literal('detokenize'), id, version: ServingVersion, token_ids: z.array(z.int().min(0)) })
      .describe('Answer: text.'),
    z.object({ command: z.literal('generate'), id, request: ServingRequest }).describe('Answers: scored? · token* · ended.'),
    z.object({ command: z.literal('cancel'), id }).describe('No answer: the request of this id is forgotten.'),
    z.object({ command: z.literal('status'), id }).describe('Answer: status.'),
  ])
  .meta({ id: 'ServingCommand' });
export type ServingCommand = z.infer<typeof ServingCommand>;

const tokenAlone = {
  token_id: z.int(),
  bytes: z.array(z.int().min(0).max(255)).describe('What it adds to a text; a control token is spelt out.'),
};

export const ServingAlternative = z.object({ ...tokenAlone, logprob: z.number() }).meta({ id: 'ServingAlternative' });

/** A token with what the model thought of it: temperature 1, nothing biased, penalised or filtered. */
export const ServingToken = z
  .object({
    ...tokenAlone,
    is_control: z.boolean().describe('It adds nothing to the text.'),
    logprob: z.number().nullable().describe('Null when it was not asked for, and for the first token of a prompt.'),
    top: z.array(ServingAlternative).describe('Best first.'),
  })
  .meta({ id: 'ServingToken' });
export type ServingToken = z.infer<typeof ServingToken>;

export const ServingLoad = z.object({ id: z.string(), load_seconds: z.number() }).meta({ id: 'ServingLoad' });

export const ServingAnswer = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('loaded'), id, context_length: z.int().min(1).describe('Longest prompt + answer in tokens.') }),
    z.object({ type: z.literal('done'), id }),
    z.object({ type: z.literal('tokens'), id, token_ids: z.array(z.int()) }),
    z.object({ type: z.literal('text'), id, text: z.string() }),
    z.object({ type: z.literal('scored'), id, tokens: z.array(ServingToken) }),
    z.object({ type: z.literal('token'), id, token: ServingToken }),
    z.object({ type: z.literal('ended'), id, finish_reason: z.enum(['stop', 'length']) }),
    z.object({
      type: z.literal('failed'),
      id,
      code: z.enum(['invalid_request', 'context_length_exceeded', 'rate_limit_exceeded', 'engine_failed']),
      message: z.string(),
    }),
    z.object({
      type: z.literal('status'),
      id,
      memory_bytes: z.int(),
      gpu_memory_bytes: z.int(),
      active: z.int(),
      waiting: z.int(),
      generated_tokens: z.int(),
      versions: z.array(ServingLoad),
    }),
  ])
  .meta({ id: 'ServingAnswer' });
export type ServingAnswer = z.infer<typeof ServingAnswer>;
