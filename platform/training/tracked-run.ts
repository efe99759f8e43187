/** A run and its events in the words of trackers. */
import type { TrackedEnd, TrackedFigures, TrackedRun } from '#platform/monitoring/tracker.ts';
import type { RunEventRow, RunRow } from './rows.ts';

/** Of a step, beside what its method measures. */
const stepFigures = ['loss', 'learning_rate', 'grad_norm', 'mean_token_accuracy', 'tokens_per_second', 'memory_bytes', 'epoch'] as const;
const evaluationFigures = ['loss', 'perplexity', 'mean_token_accuracy'] as const;

export function trackedRun(run: RunRow, tracker: string): TrackedRun {
  const { base_model, training_file, validation_file, seed, config } = run;
  // Graders may be called anything, and trackers take few signs in a name.
  const method =
    config.method.type === 'grpo' ? { ...config.method, formula: JSON.stringify(config.method.formula ?? null) } : config.method;
  const integration = run.integrations.find(({ type }) => type === tracker);
  return {
    id: run.id,
    name: run.suffix ?? run.id,
    startedAt: run.started_at ?? run.created_at,
    parameters: {
      ...dotted({ base_model, training_file, validation_file, seed }),
      ...dotted({ method, adapter: config.adapter, settings: config.settings }),
    },
    tags: run.metadata,
    wishes: integration?.wandb ?? {},
  };
}

/** What an event measured; null for any other event. */
export function trackedFigures(event: RunEventRow, method: string): TrackedFigures | null {
  const { seq, at, data, type } = event;
  if (type !== 'run-step' && type !== 'run-evaluated') return null;
  const of = type === 'run-step' ? 'train' : 'eval';
  const values: Record<string, number> = {};
  const names = type === 'run-step' ? stepFigures : evaluationFigures;
  for (const [name, value] of [...names.map((name) => [name, data[name]] as const), ...Object.entries(data['metrics'] ?? {})])
    if (typeof value === 'number' && Number.isFinite(value)) values[`${of}/${name}`] = value;
  // The loss of other methods is no mean over tokens.
  const loss = values['train/loss'];
  if (loss !== undefined && method === 'supervised') values['train/perplexity'] = Math.exp(loss);
  return { seq, at, step: Number(data['step']), values };
}

export function trackedEnd(run: RunRow, artifact: TrackedEnd['artifact']): TrackedEnd {
  const state = run.state === 'succeeded' || run.state === 'cancelled' ? run.state : 'failed';
  return { state, at: run.finished_at ?? new Date(), model: run.fine_tuned_model, artifact };
}

/** `{a: {b: 1}}` → `a.b: "1"`; lists as JSON, null as "null". */
function dotted(value: object, before = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]: [string, unknown]) => {
      const key = `${before}${name}`;
      if (typeof part === 'object' && part !== null && !Array.isArray(part)) return Object.entries(dotted(part, `${key}.`));
      return [[key, typeof part === 'string' ? part : JSON.stringify(part ?? null)] as const];
    }),
  );
}
