/** What says how good an answer is, from 0 to 1, by rules that anybody can check. */
import { z } from 'zod';

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
