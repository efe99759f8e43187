/** Principles that answers are to keep to, and how it is found out that one does not. */
import { z } from 'zod';
import { Grader } from './grader.ts';

/** Broken where an answer has one of these phrases in any case of letters, or has none of them. */
export const PhrasesCheck = z
  .object({
    type: z.literal('phrases'),
    phrases: z.array(z.string().min(1).max(200)).min(1).max(100),
    broken_when: z.enum(['present', 'absent']).default('present'),
  })
  .meta({ id: 'PhrasesCheck' });

/** Broken where an answer has more words. */
export const LengthCheck = z.object({ type: z.literal('length'), most_words: z.int().min(1).max(10_000) }).meta({ id: 'LengthCheck' });

/** Broken where a grader says less; `{{item.reference}}` is empty, as a question has no answer to hold others against. */
export const GraderCheck = z
  .object({ type: z.literal('grader'), grader: Grader, below: z.number().positive().max(1).default(0.5) })
  .meta({ id: 'GraderCheck' });

/** Broken in the judgement of the base model, asked for Yes or No. A small model judges little better than chance. */
export const ModelCheck = z
  .object({
    type: z.literal('model'),
    threshold: z.number().min(0).max(1).default(0.5).describe('Broken where "Yes, it breaks the rule" is likelier than this.'),
  })
  .meta({ id: 'ModelCheck' });

export const ViolationCheck = z
  .discriminatedUnion('type', [PhrasesCheck, LengthCheck, GraderCheck, ModelCheck])
  .meta({ id: 'ViolationCheck' });

export const Principle = z
  .object({
    rule: z.string().min(1).max(1000).describe('What an answer keeps to, as the model is told it.'),
    violation: ViolationCheck,
  })
  .meta({ id: 'Principle' });
export type Principle = z.infer<typeof Principle>;

const critique = 'Your last answer breaks a rule. The rule: {rule} Say in one sentence how it breaks the rule.';
const revision = 'Write your answer again, so that it keeps to the rule. The rule: {rule} Give the new answer and nothing else.';

/**
 * Constitutional AI (Bai et al. 2022): the model answers, and where an answer breaks a principle criticises it and writes it anew. It
 * learns the revisions, then to prefer them to what it said first.
 */
export const ConstitutionalMethod = z
  .object({
    type: z.literal('constitutional'),
    principles: z.array(Principle, { error: 'takes a list of principles, each a rule and how its violation is found' }).min(1).max(32),
    critique_request: z.string().min(1).max(2000).default(critique).describe('Asks what is wrong; {rule} is that of the principle.'),
    revision_request: z.string().min(1).max(2000).default(revision).describe('Asks for another answer; {rule} is that of the principle.'),
    max_completion_tokens: z.int().min(1).max(4096).default(64).describe('An answer is cut here.'),
    max_revisions: z.int().min(1).max(32).default(4).describe('Revisions drawn for an answer, until one breaks no principle.'),
    supervised_share: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('Share of the steps that learn revisions as answers; the others prefer them to the first answers, by DPO.'),
    beta: z.number().positive().max(2).default(0.1).describe('How closely DPO keeps to the base model: a larger one keeps closer.'),
  })
  .meta({ id: 'ConstitutionalMethod' });
