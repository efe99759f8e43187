/** How a model is trained: one shape a method. One more method: its options here, one file in `worker/methods/`, one line in its list. */
import { z } from 'zod';
import type { RowKind } from './row-formats.ts';

/** Supervised fine-tuning: next-token loss on what the assistant says, none on the prompt. */
export const SupervisedMethod = z.object({ type: z.literal('supervised') }).meta({ id: 'SupervisedMethod' });

/** Direct preference optimisation (Rafailov et al. 2023): of two answers the preferred one becomes likelier than the base model has it. */
export const DpoMethod = z
  .object({
    type: z.literal('dpo'),
    beta: z.number().positive().max(2).default(0.1).describe('How closely the model keeps to its base: a larger one keeps closer.'),
    loss_type: z
      .enum(['sigmoid', 'hinge', 'ipo', 'robust'])
      .default('sigmoid')
      .describe('sigmoid is DPO; hinge SLiC (Zhao et al. 2023); ipo Azar et al. 2023; robust Chowdhury et al. 2024.'),
    label_smoothing: z
      .number()
      .min(0)
      .max(0.49)
      .default(0)
      .describe('Share of the pairs that may be the wrong way round (Mitchell 2023), with sigmoid and robust.'),
    rpo_alpha: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .describe('Weight of the next-token loss on the preferred answer (Pang et al. 2024); 0 is none.'),
  })
  .meta({ id: 'DpoMethod' });
export type DpoMethod = z.infer<typeof DpoMethod>;

/** Odds-ratio preference optimisation (Hong et al. 2024): next-token loss and preference in one, without a reference model. */
export const OrpoMethod = z
  .object({
    type: z.literal('orpo'),
    beta: z.number().positive().max(10).default(0.1).describe('Weight of the odds ratio beside the next-token loss: lambda in the paper.'),
  })
  .meta({ id: 'OrpoMethod' });

/** Simple preference optimisation (Meng et al. 2024): the mean log-probability is the reward, without a reference model. */
export const SimpoMethod = z
  .object({
    type: z.literal('simpo'),
    beta: z.number().positive().max(20).default(2).describe('Scale of the reward.'),
    gamma: z.number().min(0).max(20).default(1).describe('By how much the preferred reward should be the greater one.'),
    sft_alpha: z.number().min(0).max(10).default(0).describe('Weight of the next-token loss on the preferred answer; 0 is none.'),
  })
  .meta({ id: 'SimpoMethod' });

/** Kahneman-Tversky optimisation (Ethayarajh et al. 2024): single answers, each with a label that says whether it is a good one. */
export const KtoMethod = z
  .object({
    type: z.literal('kto'),
    beta: z.number().positive().max(2).default(0.1).describe('How closely the model keeps to its base: a larger one keeps closer.'),
    desirable_weight: z.number().positive().max(100).default(1).describe('Weight of the loss of good answers.'),
    undesirable_weight: z.number().positive().max(100).default(1).describe('Weight of the loss of the others.'),
  })
  .meta({ id: 'KtoMethod' });

const gradedText = {
  input: z.string().default('{{sample.output_text}}').describe('What is graded; {{sample.output_text}} is the answer of the model.'),
  reference: z.string().default('{{item.reference}}').describe('What it is held against; {{item.reference}} is the answer of the row.'),
  weight: z.number().positive().max(100).default(1).describe('The reward is the weighted mean of all graders.'),
};

/** 1 where two texts are the same, or one is in the other, else 0: OpenAI's grader of this name. */
export const StringCheckGrader = z
  .object({
    type: z.literal('string_check'),
    operation: z
      .enum(['eq', 'ne', 'like', 'ilike'])
      .default('ilike')
      .describe('eq the same, ne another, like the reference is in the input, ilike in any case of letters.'),
    ...gradedText,
  })
  .meta({ id: 'StringCheckGrader' });

/** How alike two texts are, from 0 to 1: OpenAI's grader of this name. */
export const TextSimilarityGrader = z
  .object({
    type: z.literal('text_similarity'),
    evaluation_metric: z.enum(['fuzzy_match', 'rouge_1', 'rouge_2', 'rouge_l']).default('fuzzy_match'),
    ...gradedText,
  })
  .meta({ id: 'TextSimilarityGrader' });

export const Grader = z.discriminatedUnion('type', [StringCheckGrader, TextSimilarityGrader]).meta({ id: 'Grader' });
export type Grader = z.infer<typeof Grader>;

/** Group relative policy optimisation (Shao et al. 2024): of several answers to one prompt those that are graded above the others become likelier. */
export const GrpoMethod = z
  .object({
    type: z.literal('grpo'),
    graders: z
      .array(Grader)
      .min(1)
      .max(8)
      .default([
        {
          type: 'text_similarity',
          evaluation_metric: 'fuzzy_match',
          input: '{{sample.output_text}}',
          reference: '{{item.reference}}',
          weight: 1,
        },
      ]),
    num_generations: z.int().min(2).max(64).default(8).describe('Answers to each prompt.'),
    max_completion_tokens: z.int().min(1).max(4096).default(64).describe('An answer is cut here.'),
    beta: z.number().min(0).max(2).default(0).describe('Weight of the divergence from the base model; 0 is none.'),
    scale_rewards: z
      .boolean()
      .default(true)
      .describe("Divides a reward's distance from the mean of its group by their standard deviation."),
  })
  .meta({ id: 'GrpoMethod' });

export const Method = z
  .discriminatedUnion('type', [SupervisedMethod, DpoMethod, OrpoMethod, SimpoMethod, KtoMethod, GrpoMethod])
  .meta({ id: 'Method' });
export type Method = z.infer<typeof Method>;
export type MethodType = Method['type'];

/** The rows that a method learns from; the first kind is the one it is usually given. */
export const rowKindsOf: Record<MethodType, readonly [RowKind, ...RowKind[]]> = {
  supervised: ['chat', 'text'],
  dpo: ['preference'],
  orpo: ['preference'],
  simpo: ['preference'],
  kto: ['unpaired', 'preference'],
  grpo: ['chat'],
};
