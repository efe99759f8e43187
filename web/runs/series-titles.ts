/** What each figure of a run is called on a page. */
import type { SeriesName } from '#contract/series.ts';

export const seriesTitles: Record<SeriesName, string> = {
  loss: 'Training loss',
  eval_loss: 'Validation loss',
  mean_token_accuracy: 'Token accuracy',
  learning_rate: 'Learning rate',
  grad_norm: 'Gradient norm',
  tokens_per_second: 'Tokens a second',
  memory_bytes: 'Memory in bytes',
};
