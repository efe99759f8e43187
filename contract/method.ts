/** How a model is trained: one shape a method. One more method: its options here, one file in `worker/methods/`, one line in its list. */
import { z } from 'zod';
import { ConstitutionalMethod } from './constitution.ts';
import { Grader, RewardFormula } from './grader.ts';
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

/** A reward model (Ouyang et al. 2022, equation 1): a head that gives an answer a score, the preferred of two the higher one. It cannot chat. */
export const RewardMethod = z
  .object({
    type: z.literal('reward'),
    margin: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .describe('By how much the preferred answer should score higher (Touvron et al. 2023, equation 2).'),
    center_rewards_coefficient: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Weight of the squared sum of both scores (Eisenstein et al. 2023), which keeps scores around 0; 0 is none.'),
  })
  .meta({ id: 'RewardMethod' });

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
    formula: RewardFormula.nullable()
      .default(null)
      .describe("What OpenAI's `reinforcement` asks for, in the place of `graders`: rules, and a formula over them."),
    num_generations: z.int().min(2).max(64).default(8).describe('Answers to each prompt.'),
    max_completion_tokens: z.int().min(1).max(4096).default(64).describe('An answer is cut here.'),
    beta: z.number().min(0).max(2).default(0).describe('Weight of the divergence from the base model; 0 is none.'),
    scale_rewards: z
      .boolean()
      .default(true)
      .describe("Divides a reward's distance from the mean of its group by their standard deviation."),
  })
  .meta({ id: 'GrpoMethod' });
export type GrpoMethod = z.infer<typeof GrpoMethod>;

/**
 * Proximal policy optimisation (Schulman et al. 2017) against a trained reward model: the model answers, and what scores higher than
 * expected becomes likelier, without going far from the base model (Ziegler et al. 2019).
 */
export const PpoMethod = z
  .object({
    type: z.literal('ppo'),
    reward_model: z
      .string({ error: 'names a trained reward model of the same base model' })
      .min(1)
      .describe('Id of a trained reward model of the same base model: GET /v1/models, x_kind reward_model.'),
    max_completion_tokens: z.int().min(1).max(4096).default(64).describe('An answer is cut here.'),
    num_ppo_epochs: z.int().min(1).max(16).default(4).describe('How often each answer is learnt from.'),
    kl_coef: z.number().min(0).max(2).default(0.05).describe('What a token pays for being likelier than the base model has it.'),
    cliprange: z.number().positive().max(1).default(0.2).describe('How far a probability may move, as a ratio, on one set of answers.'),
    cliprange_value: z.number().positive().max(10).default(0.2).describe('How far the expected reward may move on one set of answers.'),
    vf_coef: z.number().min(0).max(10).default(0.1).describe('Weight of the loss of what is expected.'),
    gamma: z.number().positive().max(1).default(1).describe('Discount of what comes a token later.'),
    lam: z.number().min(0).max(1).default(0.95).describe('Lambda of generalised advantage estimation (Schulman et al. 2015).'),
    missing_eos_penalty: z.number().min(0).max(100).default(1).describe('Taken from the score of an answer that is cut.'),
  })
  .meta({ id: 'PpoMethod' });

export const Method = z
  .discriminatedUnion('type', [
    SupervisedMethod,
    DpoMethod,
    OrpoMethod,
    SimpoMethod,
    KtoMethod,
    GrpoMethod,
    RewardMethod,
    PpoMethod,
    ConstitutionalMethod,
  ])
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
  grpo: ['chat', 'prompt'],
  reward: ['preference'],
  ppo: ['prompt', 'chat'],
  constitutional: ['prompt', 'chat'],
};
