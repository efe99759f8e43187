/** What says how good an answer is, from 0 to 1, by rules that anybody can check. */
import { z } from 'zod';

const gradedText = {
  input: z.string().default('{{sample.output_text}}').describe('What is graded; {{sample.output_text}} is the answer of the model.'),
  reference: z
    .string()
    .default('{{item.reference}}')
    .describe('What it is held against; {{item.…}} is a field of the row, {{item.reference}} its answer.'),
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
    evaluation_metric: z.enum(['fuzzy_match', 'rouge_1', 'rouge_2', 'rouge_3', 'rouge_4', 'rouge_5', 'rouge_l']).default('fuzzy_match'),
    ...gradedText,
  })
  .meta({ id: 'TextSimilarityGrader' });

export const Grader = z.discriminatedUnion('type', [StringCheckGrader, TextSimilarityGrader]).meta({ id: 'Grader' });
export type Grader = z.infer<typeof Grader>;

export const StringCheckRule = StringCheckGrader.omit({ weight: true }).meta({ id: 'StringCheckRule' });
export const TextSimilarityRule = TextSimilarityGrader.omit({ weight: true }).meta({ id: 'TextSimilarityRule' });

export const JudgeMessage = z.object({ role: z.enum(['user', 'assistant', 'system']), content: z.string() }).meta({ id: 'JudgeMessage' });

/** What the base model, as it was before the run, says of an answer when it is asked for a number. */
export const ScoreModelRule = z
  .object({
    type: z.literal('score_model'),
    model: z.string().describe('The base model of the run.'),
    input: z.array(JudgeMessage).min(1).max(16).describe('Is to make the model say a number, alone or as {"result": 0.5}.'),
    lowest: z.number().default(0),
    highest: z.number().default(1),
    max_completion_tokens: z.int().min(1).max(1024).default(64),
  })
  .meta({ id: 'ScoreModelRule' });

/** Code that grades, in the sandbox that the operator of the server names. */
export const PythonRule = z
  .object({
    type: z.literal('python'),
    source: z.string().min(1).max(262_144).describe('Defines grade(sample, item), which returns a number.'),
  })
  .meta({ id: 'PythonRule' });

export const Rule = z.discriminatedUnion('type', [StringCheckRule, TextSimilarityRule, ScoreModelRule, PythonRule]).meta({ id: 'Rule' });
export type Rule = z.infer<typeof Rule>;

/** OpenAI's grader of reinforcement fine-tuning: rules by name, and what their rewards come to. */
export const RewardFormula = z
  .object({
    rules: z.record(z.string(), Rule),
    calculate_output: z.string().min(1).max(1000).nullable().describe('A formula over the names; null where there is one rule.'),
  })
  .refine(({ rules, calculate_output }) => calculate_output !== null || Object.keys(rules).length === 1, {
    error: 'several rules need a formula over their names',
    path: ['calculate_output'],
  })
  .meta({ id: 'RewardFormula' });
export type RewardFormula = z.infer<typeof RewardFormula>;
