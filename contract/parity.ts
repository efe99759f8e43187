/** Whether a version answers as it was trained: what the worker is asked for, what it says, and the certificate of the comparison. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';

/** One place of an answer: the token that the engine said there, then its runner-up. */
const idsOfPlace = z.array(z.int().min(0)).min(1);

export const ScorePrompt = z
  .object({
    messages: z.array(z.record(z.string(), z.string())).min(1).describe('role and content of each.'),
    answer: z.array(idsOfPlace).describe('What the engine answered, place by place; may be empty.'),
  })
  .meta({ id: 'ScorePrompt' });
export type ScorePrompt = z.infer<typeof ScorePrompt>;

/** File that the command `score` reads: answers of the serving engine, or rows of a dataset, to be judged by the weights as they were trained. */
export const ScoreTask = z
  .object({
    model_dir: z.string(),
    adapter_dir: z
      .string()
      .nullable()
      .describe('Folder with adapter_config.json and adapter_model.safetensors; null is the base model alone.'),
    chat_template: z.string().nullable().describe("Jinja source that training wrote chats with; null is the model's own."),
    threads: z.int().min(1),
    prompts: z.array(ScorePrompt),
    rows: z.array(z.array(z.int().min(0)).min(2)).describe('Token ids of whole rows, to be judged from their second token on.'),
  })
  .meta({ id: 'ScoreTask' });
export type ScoreTask = z.infer<typeof ScoreTask>;

/** What the trained model says at one place, given the prompt and the engine's tokens before it. */
export const ScoredPlace = z
  .object({
    logprobs: z.array(z.number()).describe('Of the ids of this place in the task, in nats.'),
    best: z.array(z.int()).describe('Its own two likeliest tokens, best first.'),
    best_logprobs: z.array(z.number()),
    ends: z.boolean().describe('Whether its likeliest token ends the answer.'),
  })
  .meta({ id: 'ScoredPlace' });
export type ScoredPlace = z.infer<typeof ScoredPlace>;

export const ScoredPrompt = z
  .object({
    prompt_ids: z.array(z.int()).describe('The messages by the chat template and tokenizer that training used.'),
    places: z.array(ScoredPlace).describe('One more than the answer has: the last is the place behind it.'),
  })
  .meta({ id: 'ScoredPrompt' });
export type ScoredPrompt = z.infer<typeof ScoredPrompt>;

/** What the model makes of a row; both lists have an entry for each token but the first. */
export const ScoredRow = z
  .object({
    logprobs: z.array(z.number()).describe('Of the token that stands there, in nats.'),
    best: z.array(z.int()).describe('The likeliest token in its place.'),
  })
  .meta({ id: 'ScoredRow' });
export type ScoredRow = z.infer<typeof ScoredRow>;

/** File that the command `score` leaves. */
export const ScoreResult = z
  .object({ prompts: z.array(ScoredPrompt), rows: z.array(ScoredRow), seconds: z.number() })
  .meta({ id: 'ScoreResult' });
export type ScoreResult = z.infer<typeof ScoreResult>;

/** One place where the two sides differ. */
export const ParityDifference = z
  .object({
    prompt: z.string().describe('The last message of the prompt, shortened.'),
    place: z.int().min(0).describe('Token of the answer, from 0; of the prompt where its ids differ.'),
    kind: z.enum(['prompt', 'token', 'end', 'logprob']),
    served: z.string().describe('What the engine has there.'),
    trained: z.string().describe('What the trained model has there.'),
    margin: z.number().nullable().describe("Between the trained model's two likeliest tokens, in nats."),
  })
  .meta({ id: 'ParityDifference' });
export type ParityDifference = z.infer<typeof ParityDifference>;

/** The verdict on one version: does what is served answer as what was trained? */
export const ParityCertificate = z
  .object({
    object: z.literal('model.parity'),
    model: z.string(),
    state: z.enum(['measuring', 'passed', 'failed', 'not_measured']),
    reason: z.string().nullable().describe('Why it failed, or was not measured.'),
    measured_at: UnixSeconds.nullable(),
    adapter_sha256: z.string(),
    engine: z.string().nullable(),
    weights: z.string().nullable().describe('How the base model is stored where it is served: F32, F16, Q4_1 …'),
    is_quantised: z.boolean().nullable(),
    prompts: z.int().min(0).describe('Prompts that both sides answered.'),
    equal_prompts: z.int().min(0).describe('Those whose token ids are equal on both sides.'),
    places: z.int().min(0).describe('Tokens of the answers, ends included.'),
    agreeing_places: z.int().min(0).describe('Where the trained model would have said the same token.'),
    decided_places: z.int().min(0).describe('Where its two likeliest tokens lie further apart than the tolerance.'),
    agreeing_decided_places: z.int().min(0).describe('Of those; parity needs all of them.'),
    tolerance: z.number().nullable().describe('In nats: nearer than this, two tokens are a tie.'),
    largest_difference: z.number().nullable().describe('Of the log-probabilities of the tokens said, in nats.'),
    mean_difference: z.number().nullable(),
    largest_allowed: z.number().nullable(),
    mean_allowed: z.number().nullable(),
    seconds: z.number().nullable(),
    differences: z.array(ParityDifference).describe('The first 20.'),
  })
  .meta({ id: 'ParityCertificate' });
export type ParityCertificate = z.infer<typeof ParityCertificate>;
