/** What a client sends to start a fine-tuning run: OpenAI's body, and all of our own settings in one object `extensions`. */
import { z } from 'zod';
import { AdaptionPromptAdapter, FullAdapter, Ia3Adapter, LoraAdapter, PrefixTuningAdapter, PromptTuningAdapter } from '../adapter.ts';
import { ConstitutionalMethod } from '../constitution.ts';
import { DpoMethod, GrpoMethod, KtoMethod, OrpoMethod, PpoMethod, RewardMethod, SimpoMethod } from '../method.ts';
import { ProbesRequest } from '../probe.ts';
import { TrainingSettings } from '../training.ts';
import { Metadata } from './common.ts';
import { GraderRequest } from './graders.ts';
import { JobIntegration } from './integrations.ts';
import { closedObject, unsupportedValue } from './request-problem.ts';

/** A value, or "auto": the platform chooses by model and data size and writes its choice back. */
export function autoOr<Schema extends z.ZodType>(schema: Schema) {
  return z.union([z.literal('auto'), schema]);
}

function withoutDefault<Field extends z.ZodType>(field: Field): WithoutDefault<Field> {
  return (field instanceof z.ZodDefault ? field.removeDefault() : field) as WithoutDefault<Field>;
}

const settingsOfAll = {
  n_epochs: autoOr(z.int().min(1).max(50)).optional(),
  batch_size: autoOr(z.int().min(1).max(256)).optional(),
  learning_rate_multiplier: autoOr(z.number().positive().max(1000)).optional(),
};
const hyperparameters = closedObject(settingsOfAll);
const dpoHyperparameters = closedObject({ ...settingsOfAll, beta: autoOr(withoutDefault(DpoMethod.shape.beta)).optional() });

const reinforcementHyperparameters = closedObject({
  ...settingsOfAll,
  compute_multiplier: autoOr(z.number().min(0.25).max(8)).optional().describe('Answers to each prompt are this many times 8.'),
  eval_interval: autoOr(z.int().min(1)).optional().describe('Steps between two looks at the validation file.'),
  eval_samples: autoOr(z.int().min(1))
    .refine(
      (samples) => samples === 'auto' || samples === 1,
      unsupportedValue('a row of the validation file is answered once, by what is likeliest: give 1 or "auto"'),
    )
    .optional(),
  reasoning_effort: z
    .enum(['default', 'low', 'medium', 'high'])
    .refine(
      (effort) => effort === 'default',
      unsupportedValue('no model here reasons apart from its answer: leave it out, or give "default"'),
    )
    .optional(),
});
const reinforcement = closedObject({ grader: GraderRequest, hyperparameters: reinforcementHyperparameters.optional() });
export type ReinforcementRequest = z.output<typeof reinforcement>;

const method = closedObject({
  type: z.enum(['supervised', 'dpo', 'reinforcement']),
  supervised: closedObject({ hyperparameters: hyperparameters.optional() }).optional(),
  dpo: closedObject({ hyperparameters: dpoHyperparameters.optional() }).optional(),
  reinforcement: reinforcement.optional(),
}).refine(({ type, reinforcement: said }) => type !== 'reinforcement' || said !== undefined, {
  error: 'is missing: it names the grader',
  path: ['reinforcement'],
});

type WithoutDefault<Field extends z.core.SomeType> = Field extends z.ZodDefault<infer Inner> ? Inner : Field;
type OrAuto<Shape extends Record<string, z.core.SomeType>> = {
  [Key in keyof Shape]: z.ZodOptional<z.ZodUnion<[z.ZodLiteral<'auto'>, WithoutDefault<Shape[Key]>]>>;
};

/** The fields of a shape of the contract, each of which may be left out or "auto". */
function eachOrAuto<Shape extends Record<string, z.ZodType>>(shape: Shape): OrAuto<Shape> {
  const fields = Object.entries(shape).map(([name, field]) => [name, autoOr(withoutDefault(field)).optional()]);
  return Object.fromEntries(fields) as OrAuto<Shape>;
}

/** A kind by its type and its options, each of which may be left out. */
const optionsRequest = <Type extends string, Shape extends Record<string, z.ZodType>>(type: Type, shape: Shape) =>
  closedObject({ ...eachOrAuto(shape), type: z.literal(type) });

/** An adapter by its type, which is "lora" when it is left out. */
export const AdapterRequest = z
  .discriminatedUnion(
    'type',
    [
      closedObject({ ...eachOrAuto(optionsOf(LoraAdapter)), type: z.literal('lora').optional() }),
      optionsRequest('full', optionsOf(FullAdapter)),
      optionsRequest('ia3', optionsOf(Ia3Adapter)),
      optionsRequest('prompt_tuning', optionsOf(PromptTuningAdapter)),
      optionsRequest('prefix_tuning', optionsOf(PrefixTuningAdapter)),
      optionsRequest('adaption_prompt', optionsOf(AdaptionPromptAdapter)),
    ],
    {
      error: (issue) =>
        issue.code === 'invalid_union'
          ? 'takes "lora" (with use_dora or quantization "nf4" for DoRA and QLoRA), "full", "ia3", "prompt_tuning", "prefix_tuning" or "adaption_prompt"'
          : undefined,
    },
  )
  .meta({ id: 'AdapterRequest' });

/** A method by its type, and its options. */
export const MethodRequest = z
  .discriminatedUnion('type', [
    optionsRequest('supervised', {}),
    optionsRequest('dpo', optionsOf(DpoMethod)),
    optionsRequest('orpo', optionsOf(OrpoMethod)),
    optionsRequest('simpo', optionsOf(SimpoMethod)),
    optionsRequest('kto', optionsOf(KtoMethod)),
    optionsRequest('grpo', optionsOf(GrpoMethod)),
    optionsRequest('reward', optionsOf(RewardMethod)),
    optionsRequest('ppo', optionsOf(PpoMethod)),
    optionsRequest('constitutional', optionsOf(ConstitutionalMethod)),
  ])
  .meta({ id: 'MethodRequest' });
export type MethodRequest = z.output<typeof MethodRequest>;

function optionsOf<Shape extends { type: z.ZodType }>({ shape }: z.ZodObject<Shape>): Omit<Shape, 'type'> {
  const { type: _, ...options } = shape;
  return options;
}

/** Everything about a run that OpenAI's body has no word for. What is left out is "auto". */
export const RunExtensions = closedObject({
  adapter: AdapterRequest.optional(),
  method: MethodRequest.optional().describe("How it is trained, where OpenAI's `method` has no word for it; the two must agree."),
  plan: z.string().min(1).optional().describe('Id of the plan that the run is started from: the plan is scored by it.'),
  probes: ProbesRequest.optional().describe('Questions that the model answers while it trains.'),
  ...eachOrAuto(TrainingSettings.shape),
}).meta({ id: 'RunExtensionsRequest' });
export type RunExtensions = z.output<typeof RunExtensions>;

/** No unknown key is accepted here, unlike in a chat request: a misspelt setting must not cost a training run. */
export const FineTuningJobRequest = closedObject({
  model: z.string().min(1),
  training_file: z.string().min(1).describe('Id of a file with purpose fine-tune.'),
  validation_file: z.string().min(1).nullish(),
  suffix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { error: 'takes 1 to 64 letters, digits, ".", "_" or "-"' })
    .nullish()
    .describe('Part of the name of the tuned model.'),
  seed: z.int().min(0).max(4_294_967_295).nullish(),
  metadata: Metadata.nullish(),
  method: method.optional(),
  hyperparameters: hyperparameters.optional().describe('Deprecated by OpenAI in favour of method.supervised.hyperparameters, which wins.'),
  integrations: z.array(JobIntegration).max(1).nullish().describe('Refused where the tracker is not configured.'),
  extensions: RunExtensions.optional(),
}).meta({ id: 'FineTuningJobRequest' });
export type FineTuningJobRequest = z.output<typeof FineTuningJobRequest>;

/** OpenAI's hyperparameters of every method, wherever the caller put them; "auto" for what is not said. */
export function hyperparametersOf(request: FineTuningJobRequest) {
  const given = { ...request.hyperparameters, ...request.method?.[request.method.type]?.hyperparameters };
  return {
    n_epochs: given.n_epochs ?? 'auto',
    batch_size: given.batch_size ?? 'auto',
    learning_rate_multiplier: given.learning_rate_multiplier ?? 'auto',
  };
}
