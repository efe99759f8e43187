/** The trackers a config may name. A new one: its file beside these, and a line here. */
import type { Registry } from '#platform/core/driver.ts';
import type { Tracker } from '../tracker.ts';

export const trackers = {
  jsonl: () => import('./jsonl.ts'),
  mlflow: () => import('./mlflow.ts'),
  wandb: () => import('./wandb.ts'),
} satisfies Registry<Tracker>;
