/** A run as the form holds it: texts as they were typed; and the request that they make. */
import type { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { goals } from './goals.ts';
import { adapters, methods, readSetting, settingAt } from './settings.ts';

export interface ProbeDraft {
  prompt: string;
  /** What a good answer would say; may be empty. */
  reference: string;
}

export interface Draft {
  model: string;
  trainingFile: string;
  validationFile: string;
  suffix: string;
  seed: string;
  /** One of the contract's, as are the adapters. */
  method: string;
  adapter: string;
  /** Name of a goal: what it sets comes below what was set by hand. */
  goal: string;
  /** `max_seconds` in minutes; empty is no limit. */
  budgetMinutes: string;
  /** `max_cost`; empty is no limit. */
  budgetDollars: string;
  /** By path, as typed; what is not here is left to the platform. */
  settings: Record<string, string>;
  probes: ProbeDraft[];
  automaticProbes: boolean;
}

export const emptyDraft: Draft = {
  model: '',
  trainingFile: '',
  validationFile: '',
  suffix: '',
  seed: '',
  method: methods[0]!,
  adapter: adapters[0]!,
  goal: 'auto',
  budgetMinutes: '',
  budgetDollars: '',
  settings: {},
  probes: [],
  automaticProbes: true,
};

/** The body of POST /v1/fine_tuning/jobs. */
export type RunRequest = FineTuningJobRequestInput & { extensions?: Record<string, unknown> };
type FineTuningJobRequestInput = Pick<FineTuningJobRequest, 'model' | 'training_file'> &
  Partial<Pick<FineTuningJobRequest, 'validation_file' | 'suffix' | 'seed'>>;

/** Settings in force: those of the goal, and over them those set by hand. */
export function settingsOf(draft: Draft): Record<string, string> {
  return { ...goals.find(({ name }) => name === draft.goal)?.settings, ...draft.settings };
}

/** Another method has other options. */
export function withMethod(draft: Draft, method: string): Partial<Draft> {
  return { method, settings: without(draft.settings, 'method.') };
}

/** So has another kind of adapter; `settings` are what makes it a variant of its kind. */
export function withAdapter(draft: Draft, adapter: string, settings: Record<string, string>): Partial<Draft> {
  return { adapter, settings: { ...without(draft.settings, 'adapter.'), ...settings } };
}

function without(settings: Record<string, string>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).filter(([path]) => !path.startsWith(prefix)));
}

/** What is left out is "auto". Fields that cannot be read are left out; `problemsOf` names them. */
export function requestOf(draft: Draft): RunRequest {
  const parts: Record<'adapter' | 'method' | 'training', Record<string, unknown>> = { adapter: {}, method: {}, training: {} };
  for (const [path, text] of Object.entries(settingsOf(draft))) {
    const setting = settingAt(draft, path);
    const read = setting ? readSetting(setting, text) : { error: '' };
    if (!('value' in read) || read.value === undefined) continue;
    const [part, name] = path.split('.');
    if (name === undefined) parts.training[path] = read.value;
    else parts[part as 'adapter' | 'method'][name] = read.value;
  }
  const probes = probesOf(draft);
  const extensions = {
    ...budgetOf(draft),
    ...parts.training,
    ...(draft.method !== methods[0] && { method: { type: draft.method, ...parts.method } }),
    ...((draft.adapter !== adapters[0] || Object.keys(parts.adapter).length > 0) && {
      adapter: { ...(draft.adapter !== adapters[0] && { type: draft.adapter }), ...parts.adapter },
    }),
    ...(probes && { probes }),
  };
  const seed = draft.seed.trim() === '' ? Number.NaN : Number(draft.seed);
  return {
    model: draft.model,
    training_file: draft.trainingFile,
    ...(draft.validationFile && { validation_file: draft.validationFile }),
    ...(draft.suffix && { suffix: draft.suffix }),
    ...(Number.isInteger(seed) && { seed }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  };
}

/** Budgets in the request's own units; what cannot be read is left out. */
function budgetOf({ budgetMinutes, budgetDollars }: Draft): Record<string, number> {
  const [seconds, dollars] = [amountOf(budgetMinutes) * 60, amountOf(budgetDollars)];
  return { ...(seconds > 0 && { max_seconds: seconds }), ...(dollars > 0 && { max_cost: dollars }) };
}

/** 0 for nothing, NaN for what is no amount. */
function amountOf(text: string): number {
  if (text.trim() === '') return 0;
  const amount = Number(text);
  return Number.isFinite(amount) && amount > 0 ? amount : Number.NaN;
}

function probesOf({ probes, automaticProbes }: Draft): Record<string, unknown> | undefined {
  const prompts = probes
    .filter(({ prompt }) => prompt.trim() !== '')
    .map(({ prompt, reference }) => ({ prompt, ...(reference.trim() !== '' && { reference }) }));
  if (prompts.length === 0 && automaticProbes) return undefined;
  return { ...(prompts.length > 0 && { prompts }), ...(!automaticProbes && { automatic: false }) };
}

/** What keeps the draft from being sent, by the field as the platform's errors name it. */
export function problemsOf(draft: Draft): Record<string, string> {
  const problems: Record<string, string> = {};
  if (draft.model === '') problems['model'] = 'choose the model to start from';
  if (draft.trainingFile === '') problems['training_file'] = 'choose or drop a file of rows';
  if (draft.seed.trim() !== '' && !(Number.isInteger(Number(draft.seed)) && Number(draft.seed) >= 0)) {
    problems['seed'] = 'a whole number, 0 or more';
  }
  if (Number.isNaN(amountOf(draft.budgetMinutes))) problems['extensions.max_seconds'] = 'minutes, more than 0';
  if (Number.isNaN(amountOf(draft.budgetDollars))) problems['extensions.max_cost'] = 'dollars, more than 0';
  for (const [path, text] of Object.entries(draft.settings)) {
    const setting = settingAt(draft, path);
    const read = setting ? readSetting(setting, text) : { error: 'there is no such setting' };
    if ('error' in read) problems[`extensions.${path}`] = read.error;
  }
  return problems;
}

/** The draft as an address carries it: what differs from an empty one. */
export function draftToSearch(draft: Draft): Record<string, string> {
  const search: Record<string, string> = {};
  const texts = {
    model: draft.model,
    data: draft.trainingFile,
    validation: draft.validationFile,
    suffix: draft.suffix,
    seed: draft.seed,
    budget: draft.budgetMinutes,
    money: draft.budgetDollars,
    method: draft.method === emptyDraft.method ? '' : draft.method,
    adapter: draft.adapter === emptyDraft.adapter ? '' : draft.adapter,
    goal: draft.goal === emptyDraft.goal ? '' : draft.goal,
    set: Object.keys(draft.settings).length > 0 ? JSON.stringify(draft.settings) : '',
    probes: draft.probes.length > 0 ? JSON.stringify(draft.probes.map(({ prompt, reference }) => [prompt, reference])) : '',
    picked: draft.automaticProbes ? '' : 'no',
  };
  for (const [name, text] of Object.entries(texts)) if (text !== '') search[name] = text;
  return search;
}

/** An address that was tampered with is read as far as it makes sense. */
export function draftFromSearch(search: Record<string, string | undefined>): Draft {
  return {
    model: search['model'] ?? '',
    trainingFile: search['data'] ?? '',
    validationFile: search['validation'] ?? '',
    suffix: search['suffix'] ?? '',
    seed: search['seed'] ?? '',
    budgetMinutes: search['budget'] ?? '',
    budgetDollars: search['money'] ?? '',
    method: methods.includes(search['method'] ?? '') ? search['method']! : emptyDraft.method,
    adapter: adapters.includes(search['adapter'] ?? '') ? search['adapter']! : emptyDraft.adapter,
    goal: goals.some(({ name }) => name === search['goal']) ? search['goal']! : emptyDraft.goal,
    settings: textsOf(parsed(search['set'])),
    probes: probesFrom(parsed(search['probes'])),
    automaticProbes: search['picked'] !== 'no',
  };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null') as unknown;
  } catch {
    return null;
  }
}

function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([path, text]) => [path, String(text)]));
}

function probesFrom(value: unknown): ProbeDraft[] {
  if (!Array.isArray(value)) return [];
  return value.filter(Array.isArray).map(([prompt, reference]) => ({ prompt: String(prompt ?? ''), reference: String(reference ?? '') }));
}
