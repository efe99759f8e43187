/** A run's frozen configuration as lines of name and value: `adapter.r` 16, with the reason where the platform chose. */
import type { TrainingRun } from '#contract/training-run.ts';

export interface ConfigRow {
  name: string;
  value: string;
  why: string | null;
}

type Configured = Pick<TrainingRun, 'config' | 'model' | 'training_file' | 'validation_file' | 'seed'>;

export function configRows(run: Configured): ConfigRow[] {
  const { chosen, probes: _probes, ...config } = run.config;
  const reasons = new Map(chosen.map(({ field, why }) => [field, why]));
  const { model, training_file, validation_file, seed } = run;
  return flatten({ model, training_file, validation_file, seed, ...config }).map(([path, value]) => {
    const name = path.replace(/^settings\./, '');
    return { name, value, why: reasons.get(name) ?? reasons.get(name.replace(/^adapter\./, '')) ?? null };
  });
}

function flatten(value: object, prefix: string = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, string][] =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? flatten(inner, `${prefix}${key}.`)
      : [[prefix + key, textOf(inner)]],
  );
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The names whose values are not the same in all of them, with a value for each. */
export function configDifferences(runs: readonly Configured[]): { name: string; values: string[] }[] {
  const tables = runs.map((run) => new Map(configRows(run).map(({ name, value }) => [name, value])));
  const names = [...new Set(tables.flatMap((table) => [...table.keys()]))];
  return names
    .map((name) => ({ name, values: tables.map((table) => table.get(name) ?? '–') }))
    .filter(({ values }) => new Set(values).size > 1);
}
