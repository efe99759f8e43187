/** What a run is frozen to at its creation: what the caller said, and for the rest what the platform chose, with its reasons. */
import type { z } from 'zod';
import { Adapter, type AdapterType } from '#contract/adapter.ts';
import type { ModelEntry } from '#contract/model.ts';
import { hyperparametersOf, type FineTuningJobRequest, type RunExtensions } from '#contract/openai/create-fine-tuning-job.ts';
import { fieldPath } from '#contract/openai/request-problem.ts';
import type { MethodType } from '#contract/method.ts';
import { ProbeSettings, type Probe } from '#contract/probe.ts';
import { TrainingSettings } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { adapterProblem, chooseFields, chooseForAdapter } from './choose-for-adapter.ts';
import { refuseSettings } from './check-settings.ts';
import { chooseForMethod } from './choose-for-method.ts';
import { chooseHyperparameters } from './choose-hyperparameters.ts';
import { freezeMethod } from './freeze-method.ts';
import { quickLane, quickReasons } from './quick-lane.ts';
import { takeDeepSpeed } from './read-deepspeed.ts';

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
const usualProcesses = TrainingSettings.parse({}).processes;
const llamaAttention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];

/** Explicit values win. Throws `invalid_request` with the field's path for values that do not go together. */
export function freezeConfig(request: FineTuningJobRequest, model: ModelEntry, data: TrainingData, costPerHour?: number): RunConfig {
  const { adapter: adapterGiven, plan: _, method: __, probes, ...settingsGiven } = request.extensions ?? {};
  const method = freezeMethod(request);
  const settings = givenSettings(request, settingsGiven);
  const adapter: Record<string, unknown> = { type: 'lora', ...withoutAuto(adapterGiven ?? {}) };
  const type = adapter['type'] as AdapterType;
  const chosenForBoth = chooseForAdapter(chooseFor(model, data, method.type, settings['speed'] === 'quick'), type);
  const { why, ...choice } = chosenForBoth;
  const chosen: RunConfig['chosen'] = [];
  takeDeepSpeed(settings, chosen);
  if (settings['batch_size'] !== undefined && settings['gradient_accumulation_steps'] === undefined) {
    settings['gradient_accumulation_steps'] = 1;
    chosen.push({
      field: 'gradient_accumulation_steps',
      value: 1,
      why: 'batch_size was given: it is the whole batch of an optimiser step',
    });
  }
  for (const field of chosenSettings) {
    if (settings[field] !== undefined) continue;
    const made = field === 'batch_size' ? shared(choice[field], why[field], settings) : { value: choice[field], why: why[field] };
    settings[field] = made.value;
    chosen.push({ field, ...made });
  }
  for (const { field, ...made } of chooseFields(type, adapter, chosenForBoth, model)) {
    adapter[field] = made.value;
    chosen.push({ field: `adapter.${field}`, ...made });
  }
  const asked = hyperparametersOf(request).learning_rate_multiplier;
  const multiplier = asked === 'auto' ? 1 : asked;
  settings['learning_rate'] = Number(settings['learning_rate']) * multiplier;
  const config: RunConfig = {
    adapter: parsed(Adapter, adapter, ['extensions', 'adapter']),
    method,
    settings: parsed(TrainingSettings, settings, ['extensions']),
    chosen,
    learning_rate_multiplier: multiplier,
    ...(request.method?.type === 'reinforcement' && { reinforcement: request.method.reinforcement! }),
    probes: noProbes(probes, method.type, settings) ?? freezeProbes(probes),
  };
  refuseWhatDoesNotFit(config, model);
  refuseSettings(config.settings, {
    method: method.type,
    adapter: config.adapter,
    hasValidation: Boolean(request.validation_file),
    costPerHour,
  });
  return config;
}

function chooseFor(model: ModelEntry, data: TrainingData, method: MethodType, isQuick: boolean): ReturnType<typeof chooseHyperparameters> {
  const choice = chooseForMethod(chooseBySize(model, data), method);
  if (!isQuick) return choice;
  const quick = quickLane(choice, model.layers);
  return { ...quick, why: quickReasons(choice.why, quick) };
}

/** The choice names the linear layers as Llama does; a model that calls them otherwise gets its own attention projections. */
function chooseBySize(model: ModelEntry, data: TrainingData): ReturnType<typeof chooseHyperparameters> {
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
  const interval = request.method?.type === 'reinforcement' ? request.method.reinforcement?.hyperparameters?.eval_interval : undefined;
  if (typeof interval === 'number') settings['eval_steps'] = evalSteps(request, settings['eval_steps'], interval);
  return settings;
}

function evalSteps(request: FineTuningJobRequest, given: unknown, interval: number): number {
  const param = 'method.reinforcement.hyperparameters.eval_interval';
  if (!request.validation_file) throw new PlatformError('invalid_request', `${param}: needs a validation_file to judge by`, { param });
  if (given === undefined || given === interval) return interval;
  const message = `${param}: is ${interval}, but extensions.eval_steps is ${JSON.stringify(given)}: give one of them`;
  throw new PlatformError('invalid_request', message, { param });
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

/** A reward model says nothing that could be looked at, and several processes are not stopped for a question to one of them. */
function noProbes(given: RunExtensions['probes'], method: MethodType, settings: Record<string, unknown>): ProbeSettings | null {
  const isDistributed = (settings['distributed'] ?? 'no') !== 'no';
  if (method !== 'reward' && !isDistributed) return null;
  if (given?.prompts?.length) {
    const param = 'extensions.probes.prompts';
    const why = isDistributed ? 'a run in several processes answers none' : 'a reward model scores answers and gives none';
    throw new PlatformError('invalid_request', `${param}: ${why}; leave them out`, { param });
  }
  return ProbeSettings.parse({ enabled: false });
}

/** Every process gets as many rows as every other. */
function shared(rows: number, why: string, settings: Record<string, unknown>): { value: number; why: string } {
  if ((settings['distributed'] ?? 'no') === 'no') return { value: rows, why };
  const processes = Number(settings['processes'] ?? usualProcesses);
  const value = Math.ceil(rows / processes) * processes;
  return { value, why: value === rows ? why : `${why}; ${rows} would not be shared evenly by ${processes} processes` };
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
  if (settings.speed === 'quick' && adapter.type !== 'lora') {
    const param = 'extensions.speed';
    throw new PlatformError('invalid_request', `${param}: the quick lane adapts top layers by LoRA; "${adapter.type}" has no such layers`, {
      param,
    });
  }
  const problem = adapterProblem(adapter, model, { method: method.type, gradient_checkpointing: settings.gradient_checkpointing });
  if (problem !== null) throw new PlatformError('invalid_request', `${problem.param}: ${problem.message}`, { param: problem.param });
  if (settings.max_seq_length !== null && settings.max_seq_length > model.context_length) {
    const param = 'extensions.max_seq_length';
    throw new PlatformError('invalid_request', `${param}: the context of ${model.id} is ${model.context_length} tokens`, { param });
  }
}
