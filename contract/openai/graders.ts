/** OpenAI's graders on trial: is one well-formed, and what does it say of an answer. */
import { z } from 'zod';
import { unsupportedValue } from './request-problem.ts';

const never = (): boolean => false;
const name = z.string().min(1);
const text = z.string().describe('May hold {{sample.output_text}}, {{sample.output_json.…}} and {{item.…}}.');

const StringCheck = z.looseObject({
  type: z.literal('string_check'),
  name,
  input: text,
  reference: text,
  operation: z.enum(['eq', 'ne', 'like', 'ilike']),
});

const served = ['fuzzy_match', 'rouge_1', 'rouge_2', 'rouge_3', 'rouge_4', 'rouge_5', 'rouge_l'] as const;
const TextSimilarity = z.looseObject({
  type: z.literal('text_similarity'),
  name,
  input: text,
  reference: text,
  evaluation_metric: z
    .enum([...served, 'cosine', 'bleu', 'gleu', 'meteor'])
    .refine((metric) => (served as readonly string[]).includes(metric), unsupportedValue(`served are ${served.join(', ')}`)),
});

const textPart = z.looseObject({ type: z.enum(['input_text', 'output_text']), text });
const unheard = z
  .looseObject({ type: z.enum(['input_image', 'input_audio']) })
  .refine(never, unsupportedValue('no model here reads images or audio'));
const part = z.union([z.string(), textPart, unheard]);

const ScoreModel = z.looseObject({
  type: z.literal('score_model'),
  name,
  model: z.string().min(1).describe('Any model that answers here.'),
  input: z
    .array(
      z.looseObject({
        role: z.enum(['user', 'assistant', 'system', 'developer']),
        content: z.union([part, z.array(part).min(1)]),
        type: z.literal('message').optional(),
      }),
    )
    .min(1)
    .describe('Is to make the model say a number, alone or as {"result": 0.5}.'),
  range: z.array(z.number()).length(2).optional().describe('Lowest and highest score; [0, 1] when left out.'),
  sampling_params: z
    .looseObject({
      max_completions_tokens: z.int().min(1).nullish(),
      reasoning_effort: z.string().nullish().describe('Passed over: no model here reasons apart from its answer.'),
      seed: z.number().nullish(),
      temperature: z.number().min(0).max(2).nullish(),
      top_p: z.number().min(0).max(1).nullish(),
    })
    .optional(),
});

const Python = z.looseObject({
  type: z.literal('python'),
  name,
  source: z.string().min(1).max(262_144).describe('Defines grade(sample, item), which returns a number.'),
  image_tag: z.string().optional().describe('Passed over: the sandbox has the Python that the operator gave it.'),
});
const LabelModel = z
  .looseObject({ type: z.literal('label_model') })
  .refine(never, unsupportedValue('labels are not served; use score_model'));

const single = z.discriminatedUnion('type', [StringCheck, TextSimilarity, ScoreModel, Python, LabelModel]);
const Multi = z.looseObject({
  type: z.literal('multi'),
  name,
  graders: z.union([single, z.record(z.string(), single)]).describe('By name, or a single one, which goes by its own name.'),
  calculate_output: z.string().min(1).max(1000).describe('A formula over their names, for example "0.5 * a + max(b, c)".'),
});

export const GraderRequest = z
  .discriminatedUnion('type', [StringCheck, TextSimilarity, ScoreModel, Multi, Python])
  .meta({ id: 'GraderRequest' });
export type GraderRequest = z.output<typeof GraderRequest>;
export type SingleGrader = z.output<typeof single>;
export type ScoreModelGrader = z.output<typeof ScoreModel>;
export type PythonGrader = z.output<typeof Python>;

/** The graders of a `multi`, each by its name and its path below. */
export function gradersOf({ graders }: z.output<typeof Multi>): { name: string; grader: SingleGrader; path: string }[] {
  if (typeof graders['type'] === 'string') {
    const grader = graders as SingleGrader;
    return [{ name: String(grader['name']), grader, path: 'graders' }];
  }
  return Object.entries(graders as Record<string, SingleGrader>).map(([name, grader]) => ({ name, grader, path: `graders.${name}` }));
}

export const GraderValidateRequest = z.looseObject({ grader: GraderRequest }).meta({ id: 'GraderValidateRequest' });
export type GraderValidateRequest = z.output<typeof GraderValidateRequest>;

export const GraderRunRequest = z
  .looseObject({
    grader: GraderRequest,
    model_sample: z.string().describe('The answer that is graded.'),
    item: z.unknown().optional().describe('The row that it answers: what {{item.…}} reads.'),
  })
  .meta({ id: 'GraderRunRequest' });
export type GraderRunRequest = z.output<typeof GraderRunRequest>;

export const GraderValidation = z.object({ grader: z.looseObject({ type: z.string() }) }).meta({ id: 'GraderValidation' });

/** OpenAI's flags, all of them. */
export const GraderErrors = z
  .object({
    formula_parse_error: z.boolean(),
    invalid_variable_error: z.boolean(),
    model_grader_parse_error: z.boolean(),
    model_grader_refusal_error: z.boolean(),
    model_grader_server_error: z.boolean(),
    model_grader_server_error_details: z.string().nullable(),
    other_error: z.boolean(),
    python_grader_runtime_error: z.boolean(),
    python_grader_runtime_error_details: z.string().nullable(),
    python_grader_server_error: z.boolean(),
    python_grader_server_error_type: z.string().nullable(),
    sample_parse_error: z.boolean(),
    truncated_observation_error: z.boolean(),
    unresponsive_reward_error: z.boolean(),
  })
  .meta({ id: 'GraderErrors' });
export type GraderErrors = z.infer<typeof GraderErrors>;

export const GraderRun = z
  .object({
    reward: z.number().describe('0 where an error is set.'),
    sub_rewards: z.record(z.string(), z.unknown()),
    model_grader_token_usage_per_model: z.record(z.string(), z.unknown()),
    metadata: z.object({
      name: z.string(),
      type: z.string(),
      errors: GraderErrors,
      execution_time: z.number().describe('In seconds.'),
      scores: z.record(z.string(), z.unknown()),
      sampled_model_name: z.string().nullable(),
      token_usage: z.number().nullable(),
    }),
  })
  .meta({ id: 'GraderRun' });
export type GraderRun = z.infer<typeof GraderRun>;
