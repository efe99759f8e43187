/** An earlier run as a draft: everything that it was frozen to, said outright; and what a draft would do otherwise. */
import type { TrainingRun } from '#contract/training-run.ts';
import { emptyDraft, settingsOf, type Draft } from './draft.ts';
import { settingsFor, showValue } from './settings.ts';

type Configured = Pick<TrainingRun, 'model' | 'training_file' | 'validation_file' | 'seed' | 'config'>;

/** What the platform chose for the run is said too, so that the copy is the same on other data or another release. */
export function draftOfRun(run: Configured): Draft {
  const { config } = run;
  const chosen = new Set(config.chosen.map(({ field }) => field));
  const settings: Record<string, string> = {};
  for (const { path, usual } of settingsFor({ method: config.method.type, adapter: config.adapter.type })) {
    const value = valueAt(config, path);
    if (budgets.has(path) || value === undefined) continue;
    if (chosen.has(path) || JSON.stringify(value) !== JSON.stringify(usual)) settings[path] = textOf(value);
  }
  const { max_seconds: seconds, max_cost: dollars } = config.settings;
  return {
    ...emptyDraft,
    model: run.model,
    trainingFile: run.training_file,
    validationFile: run.validation_file ?? '',
    seed: String(run.seed),
    method: config.method.type,
    adapter: config.adapter.type,
    budgetMinutes: seconds ? String(seconds / 60) : '',
    budgetDollars: dollars ? String(dollars) : '',
    settings,
    probes: (config.probes?.prompts ?? []).map(({ messages, reference }) => ({
      prompt: messages.at(-1)!.content,
      reference: reference ?? '',
    })),
    automaticProbes: config.probes?.automatic ?? true,
  };
}

export interface Difference {
  name: string;
  ofDraft: string;
  ofRun: string;
}

/** "auto" where the draft leaves to the platform what the run was told or what its contract falls back on. */
export function differencesFrom(draft: Draft, run: Configured): Difference[] {
  const then = draftOfRun(run);
  const given = settingsOf(draft);
  const wasChosen = new Set(run.config.chosen.map(({ field }) => field));
  const whole: Difference[] = [
    { name: 'model', ofDraft: draft.model, ofRun: then.model },
    { name: 'training_file', ofDraft: draft.trainingFile, ofRun: then.trainingFile },
    { name: 'validation_file', ofDraft: draft.validationFile, ofRun: then.validationFile },
    { name: 'seed', ofDraft: draft.seed || 'drawn', ofRun: then.seed },
    { name: 'method', ofDraft: draft.method, ofRun: then.method },
    { name: 'adapter', ofDraft: draft.adapter, ofRun: then.adapter },
    { name: 'minutes', ofDraft: draft.budgetMinutes, ofRun: then.budgetMinutes },
    { name: 'dollars', ofDraft: draft.budgetDollars, ofRun: then.budgetDollars },
  ];
  const paths = [...new Set([...Object.keys(then.settings), ...Object.keys(given)])];
  const settings = paths.map((name): Difference => {
    const ofRun = then.settings[name] ?? textOf(valueAt(run.config, name));
    const isLeft = given[name] === undefined || given[name] === 'auto';
    // Both were left to the platform.
    return { name, ofDraft: isLeft ? (wasChosen.has(name) ? ofRun : 'auto') : given[name]!, ofRun };
  });
  return [...whole, ...settings].filter(({ ofDraft, ofRun }) => plain(ofDraft) !== plain(ofRun));
}

/** Fields of the form that say the same in other units. */
const budgets = new Set(['max_seconds', 'max_cost']);

function valueAt({ settings, adapter, method }: Configured['config'], path: string): unknown {
  const [part, name] = path.split('.');
  const parts: Record<string, object> = { adapter, method };
  const owner = name === undefined ? settings : parts[part!];
  return (owner as Record<string, unknown> | undefined)?.[name ?? path];
}

/** As a field reads it again. */
const textOf = (value: unknown): string => (value === null ? 'null' : showValue(value));

/** 1e-3 is 0.001. */
const plain = (text: string): string =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? String(Number(text)) : text.replaceAll(' ', '');
