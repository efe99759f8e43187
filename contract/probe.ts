/** Questions that a run is asked while it trains, and what it answers with the weights of the moment. */
import { z } from 'zod';
import { closedObject } from './openai/request-problem.ts';

/** Pinned probes of a run at most: those that are answered again and again. */
export const mostProbes = 8;

export const ProbeMessage = z
  .object({ role: z.enum(['system', 'user', 'assistant']), content: z.string().min(1).max(100_000) })
  .meta({ id: 'ProbeMessage' });
export type ProbeMessage = z.infer<typeof ProbeMessage>;

/** `chosen` by a person and `asked` by a person once; the others were picked at the start of the run. */
export const ProbeOrigin = z.enum(['chosen', 'validation', 'training', 'off_domain', 'should_refuse', 'asked']).meta({ id: 'ProbeOrigin' });
export type ProbeOrigin = z.infer<typeof ProbeOrigin>;

export const Probe = z
  .object({
    id: z.string(),
    origin: ProbeOrigin,
    messages: z.array(ProbeMessage).min(1),
    reference: z.string().nullable().describe('What a good answer would say; its loss is measured with every answer.'),
  })
  .meta({ id: 'Probe' });
export type Probe = z.infer<typeof Probe>;

/** `base` is the model without the adapter, `checkpoint` the weights of the last one saved, `live` those of the step. */
export const ProbeLane = z.enum(['base', 'checkpoint', 'live']).meta({ id: 'ProbeLane' });
export type ProbeLane = z.infer<typeof ProbeLane>;

export const ProbeAnswer = z
  .object({
    probe_id: z.string(),
    lane: ProbeLane,
    step: z.int().min(0).describe('Optimiser steps done; 0 for base.'),
    text: z.string(),
    tokens: z.int().min(0),
    finish_reason: z.enum(['stop', 'length']),
    reference_loss: z.number().nullable().describe('Mean over the tokens of the reference, in nats; null without one.'),
    first_token_seconds: z.number().min(0).describe('From the beginning of the answer to its first token.'),
    seconds: z.number().min(0).describe('From its beginning to its end; answers made together share this time.'),
    waited_seconds: z.number().min(0).nullable().describe('Of a question asked once: from its arrival to the first token.'),
  })
  .meta({ id: 'ProbeAnswer' });
export type ProbeAnswer = z.infer<typeof ProbeAnswer>;

/** A stored answer as it is listed; `seq` is that of its event. */
export const RunProbeAnswer = ProbeAnswer.extend({ seq: z.int().min(1) }).meta({ id: 'RunProbeAnswer' });
export type RunProbeAnswer = z.infer<typeof RunProbeAnswer>;

/** A piece of an answer as it is made: a line of `probe-tokens.jsonl`, and an event of the probes' stream. Never stored for long. */
export const ProbeDelta = z
  .object({
    probe_id: z.string(),
    lane: ProbeLane,
    step: z.int().min(0),
    text: z.string().describe('What follows the text so far; empty while it waits.'),
    state: z.enum(['waiting', 'answering']),
    done: z.boolean(),
    waited_seconds: z.number().min(0).nullable(),
  })
  .meta({ id: 'ProbeDelta' });
export type ProbeDelta = z.infer<typeof ProbeDelta>;

const settings = {
  enabled: z.boolean().default(true).describe('false: no probe is ever answered.'),
  automatic: z
    .boolean()
    .default(true)
    .describe('Picks up to five more at the start: rows of the data, a question off its subject, one that should be refused.'),
  max_tokens: z.int().min(1).max(512).default(48).describe('Longest answer to a probe.'),
  budget_share: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe('Share of the wall time of the run that probes may take; the steps between two rounds follow from it.'),
};

const prompt = closedObject({
  prompt: z.string().min(1).max(100_000).optional().describe('One user message; or messages.'),
  messages: z.array(ProbeMessage).min(1).max(100).optional(),
  reference: z.string().min(1).max(100_000).nullish().describe('What a good answer would say.'),
}).refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), { error: 'takes either prompt or messages' });

/** `extensions.probes` of a job. */
export const ProbesRequest = closedObject({
  ...settings,
  prompts: z.array(prompt).max(mostProbes).default([]).describe('Questions to answer again and again while the run goes on.'),
}).meta({ id: 'ProbesRequest' });
export type ProbesRequest = z.output<typeof ProbesRequest>;

/** A question for a run that is under way. */
export const ProbeRequest = closedObject({
  ...prompt.shape,
  repeat: z.boolean().default(false).describe('true: pinned, and answered again and again; false: answered once, within a step.'),
})
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), { error: 'takes either prompt or messages' })
  .meta({ id: 'ProbeRequest' });
export type ProbeRequest = z.output<typeof ProbeRequest>;

/** What a run was frozen to. */
export const ProbeSettings = z
  .object({ ...settings, prompts: z.array(Probe).default([]).describe('Those that a person chose at its creation.') })
  .meta({ id: 'ProbeSettings' });
export type ProbeSettings = z.infer<typeof ProbeSettings>;

/** What one attempt is to do about probes. */
export const ProbePlan = z
  .object({
    max_tokens: z.int().min(1),
    budget_share: z.number().min(0).max(0.5),
    automatic: z.boolean().describe('Whether the attempt picks probes: the first one of a run does.'),
    pinned: z.array(Probe).max(mostProbes),
    answered_base: z.array(z.string()).describe('Pinned probes whose answer of the base model is stored.'),
  })
  .meta({ id: 'ProbePlan' });
export type ProbePlan = z.infer<typeof ProbePlan>;

export const ProbeList = z
  .object({
    object: z.literal('list'),
    data: z.array(Probe).describe('Pinned ones and questions asked once, in the order in which they came.'),
    has_more: z.literal(false),
    share: z.number().nullable().describe('Of the wall time so far that probes took; null before the first round.'),
    interval_steps: z.int().nullable().describe('Steps until the next round, as the last one foresaw; null before it.'),
  })
  .meta({ id: 'ProbeList' });
export type ProbeList = z.infer<typeof ProbeList>;

export const ProbeAnswerList = z
  .object({ object: z.literal('list'), data: z.array(RunProbeAnswer).describe('Oldest first.'), has_more: z.boolean() })
  .meta({ id: 'ProbeAnswerList' });
export type ProbeAnswerList = z.infer<typeof ProbeAnswerList>;

export const ProbeAnswerListQuery = z.object({
  probe_id: z.string().min(1).optional(),
  after_seq: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
});
export type ProbeAnswerListQuery = z.output<typeof ProbeAnswerListQuery>;

export const ProbeDeleted = z
  .object({ id: z.string(), object: z.literal('training.probe'), deleted: z.literal(true) })
  .meta({ id: 'ProbeDeleted' });
export type ProbeDeleted = z.infer<typeof ProbeDeleted>;
