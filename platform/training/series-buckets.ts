/** One figure over the steps of a run in a bounded number of buckets: neighbours are merged as steps come, extremes are kept. */
import type { Curve, SeriesName } from '#contract/series.ts';

/** Most buckets that are kept; whoever asks for fewer gets neighbours merged once more. */
const mostKept = 3000;

/** Where each figure stands: the type of its event, and the field in its data. */
export const figures: Record<SeriesName, { event: 'run-step' | 'run-evaluated'; field: string }> = {
  loss: { event: 'run-step', field: 'loss' },
  eval_loss: { event: 'run-evaluated', field: 'loss' },
  mean_token_accuracy: { event: 'run-step', field: 'mean_token_accuracy' },
  learning_rate: { event: 'run-step', field: 'learning_rate' },
  grad_norm: { event: 'run-step', field: 'grad_norm' },
  tokens_per_second: { event: 'run-step', field: 'tokens_per_second' },
  memory_bytes: { event: 'run-step', field: 'memory_bytes' },
};

interface Bucket {
  lastStep: number;
  count: number;
  sum: number;
  min: number;
  max: number;
}

export class SeriesBuckets {
  #buckets: Bucket[] = [];
  /** Values a bucket is filled with; doubles whenever there are too many buckets. */
  #width = 1;

  /** In the order of steps; a step that is there already is left out. */
  add(step: number, value: number): void {
    const last = this.#buckets.at(-1);
    if (last && step <= last.lastStep) return;
    const single = { lastStep: step, count: 1, sum: value, min: value, max: value };
    if (last && last.count < this.#width) this.#buckets[this.#buckets.length - 1] = merged(last, single);
    else this.#buckets.push(single);
    if (this.#buckets.length <= mostKept) return;
    this.#buckets = mergeEach(this.#buckets, 2);
    this.#width *= 2;
  }

  /** At most so many points, over everything that was added. */
  curve(points: number): Curve {
    const shown = mergeEach(this.#buckets, Math.ceil(this.#buckets.length / points));
    return {
      step: shown.map(({ lastStep }) => lastStep),
      mean: shown.map(({ sum, count }) => sum / count),
      min: shown.map(({ min }) => min),
      max: shown.map(({ max }) => max),
    };
  }
}

function mergeEach(buckets: Bucket[], group: number): Bucket[] {
  if (group <= 1) return buckets;
  return Array.from({ length: Math.ceil(buckets.length / group) }, (_, index) =>
    buckets.slice(index * group, (index + 1) * group).reduce(merged),
  );
}

function merged(left: Bucket, right: Bucket): Bucket {
  return {
    lastStep: right.lastStep,
    count: left.count + right.count,
    sum: left.sum + right.sum,
    min: Math.min(left.min, right.min),
    max: Math.max(left.max, right.max),
  };
}
