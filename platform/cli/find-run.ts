/** The run a command is about: the one named, or the newest. */
import type { TrainingRun } from '#contract/training-run.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';

/** Throws `run_not_found`. */
export async function findRun(client: Client, id: string | undefined): Promise<TrainingRun> {
  if (id !== undefined) return client.ask<TrainingRun>(`/api/v1/training/jobs/${encodeURIComponent(id)}`);
  const { data } = await client.ask<{ data: TrainingRun[] }>('/api/v1/training/jobs', { query: { limit: 1 } });
  if (data[0]) return data[0];
  throw new CliError('run_not_found', 'there is no run yet', { fix: 'tuneloop train FILE' });
}

/** Names that `--json` may pick of a run. */
export const runFields: readonly string[] = (
  'id status model fine_tuned_model step total_steps eta_seconds queue_position best_step created_at finished_at training_file ' +
  'validation_file result_files trained_tokens seed metadata hyperparameters config failure error'
).split(' ');

/** Names that `--json` may pick of an event. */
export const eventFields = ['seq', 'event', 'id', 'created_at', 'level', 'message', 'type', 'data'] as const;
