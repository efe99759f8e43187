/** The run a command is about: the one named, or the newest. */
import type { FineTuningJobEvent } from '#contract/openai/fine-tuning.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import { followRun } from './follow-run.ts';

/** Throws `run_not_found`. */
export async function findRun(client: Client, id: string | undefined): Promise<TrainingRun> {
  if (id !== undefined) return client.ask<TrainingRun>(`/api/v1/training/jobs/${encodeURIComponent(id)}`);
  const { data } = await client.ask<{ data: TrainingRun[] }>('/api/v1/training/jobs', { query: { limit: 1 } });
  if (data[0]) return data[0];
  throw new CliError('run_not_found', 'there is no run yet', { fix: 'tuneloop train FILE' });
}

/** What the run has reported, oldest first; with `follow` until it ends. */
export async function eventsOf(
  client: Client,
  id: string | undefined,
  follow: boolean,
): Promise<AsyncIterable<FineTuningJobEvent | TrainingRunEvent>> {
  const run = await findRun(client, id);
  if (follow) return followRun(client, run.id);
  return client.pages<FineTuningJobEvent>(`/v1/fine_tuning/jobs/${encodeURIComponent(run.id)}/events`, { limit: 100, order: 'asc' });
}

/** Names that `--json` may pick of a run. */
export const runFields: readonly string[] = (
  'id status model fine_tuned_model step total_steps eta_seconds queue_position best_step created_at finished_at training_file ' +
  'validation_file result_files trained_tokens seed metadata hyperparameters config failure error'
).split(' ');

/** Names that `--json` may pick of an event. */
export const eventFields = ['seq', 'event', 'id', 'created_at', 'level', 'message', 'type', 'data'] as const;
