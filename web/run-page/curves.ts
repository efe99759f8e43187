/** The curves of a run in the browser: what the server summed up, and every step that came since. */
import type { Curve, SeriesName, TrainingSeries } from '#contract/series.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';

export type Curves = TrainingSeries['series'];

/** Above this many points the server is asked to sum up again. */
export const mostPoints = 3000;

/** Where a live event carries each figure; the events have OpenAI's names for two of them. */
const fields: Record<SeriesName, { event: string; field: string }> = {
  loss: { event: 'run-step', field: 'train_loss' },
  eval_loss: { event: 'run-evaluated', field: 'full_valid_loss' },
  mean_token_accuracy: { event: 'run-step', field: 'train_mean_token_accuracy' },
  learning_rate: { event: 'run-step', field: 'learning_rate' },
  grad_norm: { event: 'run-step', field: 'grad_norm' },
  tokens_per_second: { event: 'run-step', field: 'tokens_per_second' },
  memory_bytes: { event: 'run-step', field: 'memory_bytes' },
};

const names = Object.keys(fields) as SeriesName[];

export interface Appended {
  /** A step came again, after a resume: the points it replaces are gone, and merged ones have to be asked for anew. */
  isRewound: boolean;
  isChanged: boolean;
}

/** Adds an event to the curves, in place. */
export function appendEvent(curves: Curves, event: TrainingRunEvent): Appended {
  const step = Number(event.data['step']);
  const isStep = event.event === 'run-step';
  if ((!isStep && event.event !== 'run-evaluated') || !Number.isFinite(step)) return { isRewound: false, isChanged: false };
  const isRewound = isStep && step <= (curves.loss.step.at(-1) ?? 0);
  if (isRewound) for (const name of names) cutFrom(curves[name], step);
  for (const name of names) {
    const value = fields[name].event === event.event ? event.data[fields[name].field] : null;
    if (typeof value !== 'number') continue;
    if (!isStep) cutFrom(curves[name], step);
    curves[name].step.push(step);
    for (const key of ['mean', 'min', 'max'] as const) curves[name][key].push(value);
  }
  return { isRewound, isChanged: true };
}

function cutFrom(curve: Curve, step: number): void {
  const length = curve.step.findIndex((known) => known >= step);
  if (length === -1) return;
  for (const key of ['step', 'mean', 'min', 'max'] as const) curve[key].length = length;
}

/** A copy that may be changed in place. */
export function copyCurves(curves: Curves): Curves {
  const copy = ({ step, mean, min, max }: Curve): Curve => ({ step: [...step], mean: [...mean], min: [...min], max: [...max] });
  return Object.fromEntries(names.map((name) => [name, copy(curves[name])])) as Curves;
}

export const noCurves = (): Curves =>
  Object.fromEntries(names.map((name) => [name, { step: [], mean: [], min: [], max: [] }])) as unknown as Curves;
