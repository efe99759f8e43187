/** What a run is frozen to at its creation: what the caller said, and for the rest what the platform chose, with its reasons. */
import type { z } from 'zod';
import { LoraAdapter } from '#contract/adapter.ts';
import type { ModelEntry } from '#contract/model.ts';
import { hyperparametersOf, type FineTuningJobRequest, type RunExtensions } from '#contract/openai/create-fine-tuning-job.ts';
import { fieldPath } from '#contract/openai/request-problem.ts';
import { ProbeSettings, type Probe } from '#contract/probe.ts';
import { TrainingSettings } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { chooseForMethod } from './choose-for-method.ts';
import { chooseHyperparameters } from './choose-hyperparameters.ts';
import { freezeMethod } from './freeze-method.ts';

/** What is known of the training file. */
export interface TrainingData {
  /** Of the file or of the dataset's version. */
  id: string;
  /** The format that its rows were converted from; null when they are trained on as they came. */
  convertedFrom: string | null;
  rows: number;
  /** Tokens that carry loss in one epoch; null when the file is too large to count them here. */
  trainedTokens: number | null;
}

const chosenSettings = [
  'n_epochs',
  'batch_size',
  'gradient_accumulation_steps',
  'learning_rate',
  'warmup_ratio',
  'weight_decay',
  'prompt_dropout',
] as const;
const llamaAttention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];
const chosenAdapterFields = ['target_modules', 'layers_to_transform', 'lora_dropout'] as const;

/** Explicit values win. Throws `invalid_request` with the field's path for values that do not go together. */
export function freezeConfig(request: FineTuningJobRequest, model: ModelEntry, data: TrainingData): RunConfig {
  const { adapter: adapterGiven, plan: _, method: __, probes, ...settingsGiven } = request.extensions ?? {};
  const method = freezeMethod(request);
  const settings = givenSettings(request, settingsGiven);
  const adapter = withoutAuto(adapterGiven ?? {});
  const { why, ...choice } = chooseForMethod(chooseFor(model, data), method.type);
  const chosen: RunConfig['chosen'] = [];
  const choose = (target: Record<string, unknown>, field: keyof typeof choice, path: string): void => {
    if (target[field] !== undefined) return;
    target[field] = choice[field];
    chosen.push({ field: path, value: choice[field], why: why[field] });
  };
  if (settings['batch_size'] !== undefined && settings['gradient_accumulation_steps'] === undefined) {
    settings['gradient_accumulation_steps'] = 1;
    chosen.push({
      field: 'gradient_accumulation_steps',
      value: 1,
      why: 'batch_size was given: it is the whole batch of an optimiser step',
    });
  }
  for (const field of chosenSettings) choose(settings, field, field);
  for (const field of chosenAdapterFields) choose(adapter, field, `adapter.${field}`);
  const asked = hyperparametersOf(request).learning_rate_multiplier;
  const multiplier = asked === 'auto' ? 1 : asked;
  settings['learning_rate'] = Number(settings['learning_rate']) * multiplier;
  const config: RunConfig = {
    adapter: parsed(LoraAdapter, { type: 'lora', ...adapter }, ['extensions', 'adapter']),
    method,
    settings: parsed(TrainingSettings, settings, ['extensions']),
    chosen,
    learning_rate_multiplier: multiplier,
    probes: freezeProbes(probes),
  };
  refuseWhatDoesNotFit(config, model);
  return config;
}

/** The choice names the linear layers as Llama does; a model that calls them otherwise gets its own attention projections. */
function chooseFor(model: ModelEntry, data: TrainingData): ReturnType<typeof chooseHyperparameters> {
  const choice = chooseHyperparameters({
    parameters: model.parameters,
    layers: model.layers,
    rows: data.rows,
    trained_tokens: data.trainedTokens,
  });
  if (model.target_modules.every((name) => llamaAttention.includes(name))) return choice;
  const why = { ...choice.why, target_modules: `the attention projections of ${model.architecture}` };
  return { ...choice, target_modules: model.target_modules, why };
}

/** OpenAI's hyperparameters and our extensions say the same thing in two places: they must agree. */
function givenSettings(
  request: FineTuningJobRequest,
  extensions: Omit<RunExtensions, 'adapter' | 'plan' | 'probes' | 'method'>,
): Record<string, unknown> {
  const settings = withoutAuto(extensions);
  const { n_epochs, batch_size } = hyperparametersOf(request);
  for (const [field, value] of Object.entries({ n_epochs, batch_size })) {
    if (value === 'auto') continue;
    if (settings[field] !== undefined && settings[field] !== value) {
      const param = `extensions.${field}`;
      throw new PlatformError(
        'invalid_request',
        `${param} is ${JSON.stringify(settings[field])}, but the hyperparameters say ${value}: give one of them`,
        { param },
      );
    }
    settings[field] = value;
  }
  return settings;
}

/** The questions that a person chose get their ids. */
function freezeProbes(given: RunExtensions['probes']): ProbeSettings {
  const { prompts = [], ...settings } = given ?? {};
  const probes = prompts.map(({ prompt, messages, reference }, index): Probe => {
    return {
      id: `probe-${index + 1}`,
      origin: 'chosen',
      messages: messages ?? [{ role: 'user', content: prompt! }],
      reference: reference ?? null,
    };
  });
  return ProbeSettings.parse({ ...settings, prompts: probes });
}

/** "auto" where the platform has nothing to choose means the default. `precision` has an "auto" of its own, which is its default. */
function withoutAuto(given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== 'auto' && value !== undefined));
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: object, path: string[]): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const isRate = issue.path[0] === 'learning_rate';
  const param = isRate ? 'method.supervised.hyperparameters.learning_rate_multiplier' : fieldPath([...path, ...issue.path]);
  throw new PlatformError('invalid_request', `${param}: ${isRate ? 'with it the learning rate is ' : ''}${issue.message}`, { param });
}

function refuseWhatDoesNotFit({ adapter, method, settings }: RunConfig, model: ModelEntry): void {
  if (method.type !== 'supervised' && settings.prompt_dropout > 0) {
    const param = 'extensions.prompt_dropout';
    throw new PlatformError('invalid_request', `${param}: ${method.type} takes whole prompts; leave it out`, { param });
  }
  if (method.type === 'kto' && settings.batch_size < 2) {
    const param = 'extensions.batch_size';
    throw new PlatformError('invalid_request', `${param}: kto compares the rows of a batch with one another, so it takes 2 or more`, {
      param,
    });
  }
  if (adapter.init_lora_weights === 'orthogonal' && adapter.r % 2 === 1) {
    const param = 'extensions.adapter.r';
    throw new PlatformError('invalid_request', `${param}: orthogonal weights come in pairs, so it is an even number, not ${adapter.r}`, {
      param,
    });
  }
  const beyond = adapter.layers_to_transform?.find((layer) => layer >= model.layers);
  if (beyond !== undefined) {
    const param = 'extensions.adapter.layers_to_transform';
    throw new PlatformError('invalid_request', `${param}: ${model.id} has the layers 0 to ${model.layers - 1}, not ${beyond}`, { param });
  }
  if (settings.max_seq_length !== null && settings.max_seq_length > model.context_length) {
    const param = 'extensions.max_seq_length';
    throw new PlatformError('invalid_request', `${param}: the context of ${model.id} is ${model.context_length} tokens`, { param });
  }
}
