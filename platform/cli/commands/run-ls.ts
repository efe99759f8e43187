/** `tuneloop run ls`: the runs, newest first. */
import type { TrainingRun } from '#contract/training-run.ts';
import { wholeNumber, type Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { duration } from '../run-block.ts';
import { ago, table } from '../table.ts';

export const command: Command = {
  flags: [{ flags: '-n, --limit <count>', description: 'how many, 1 to 100', default: 20, parse: wholeNumber(1) }],
  examples: ['tuneloop run ls', 'tuneloop run ls --limit 5 --json id,status,fine_tuned_model'],
  fields: runFields,
  async run({ out, client }, { flags }) {
    const { data } = await (
      await client()
    ).ask<{ data: TrainingRun[] }>('/api/v1/training/jobs', { query: { limit: flags.limit as number } });
    out.print(data, () =>
      data.length === 0
        ? 'no runs yet; start one with: tuneloop train FILE'
        : table([['ID', 'STATUS', 'STEP', 'LEFT', 'STARTED', 'MODEL'], ...data.map(row)]),
    );
  },
};

function row(run: TrainingRun): string[] {
  const status = run.queue_position === null ? run.status : `${run.status} (${run.queue_position})`;
  const left = run.status === 'running' && run.eta_seconds !== null ? duration(run.eta_seconds) : '';
  return [run.id, status, `${run.step}/${run.total_steps ?? '?'}`, left, ago(run.created_at), run.fine_tuned_model ?? run.model];
}
