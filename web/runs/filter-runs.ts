/** Which runs a page shows: every word of the filter is in the run's name, model, state, id or one of its labels. */
import type { TrainingRun } from '#contract/training-run.ts';
import { nameOfRun } from './name-of-run.ts';

export function filterRuns(runs: readonly TrainingRun[], text: string, status: string): TrainingRun[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (status !== '' && run.status !== status) return false;
    const labels = Object.entries(run.metadata ?? {}).map(([key, value]) => `${key}:${value}`);
    const about = [nameOfRun(run), run.id, run.model, run.status, run.fine_tuned_model ?? '', ...labels].join(' ').toLowerCase();
    return words.every((word) => about.includes(word));
  });
}
