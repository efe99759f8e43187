/** What a run is called on a page: its name or its model's suffix if it has one, else the short end of its id. */
import type { TrainingRun } from '#contract/training-run.ts';

export function nameOfRun(run: Pick<TrainingRun, 'id' | 'metadata' | 'fine_tuned_model' | 'model'>): string {
  const named = run.metadata?.['name'];
  if (named) return named;
  // `ft:base:org:suffix:id`: a tuned model carries the suffix that was asked for.
  const suffix = run.fine_tuned_model?.split(':')[3];
  return suffix ? `${suffix} · ${shortId(run.id)}` : shortId(run.id);
}

export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, id.indexOf('-') + 1)}${id.slice(-6)}`;
}
