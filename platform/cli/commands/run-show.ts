/** `tuneloop run show`: a run with its settings, what was chosen for it and why, and how it ended. */
import type { TrainingRun } from '#contract/training-run.ts';
import type { Command } from '../command.ts';
import { findRun, runFields } from '../find-run.ts';
import { ago } from '../table.ts';

export const command: Command = {
  words: [['[id]', 'the run; the newest when left out']],
  examples: ['tuneloop run show', 'tuneloop run show ftjob-abc --json config.settings.learning_rate'],
  fields: runFields,
  async run({ out, client }, { words: [id] }) {
    const run = await findRun(await client(), id);
    out.print(run, () => describe(run));
  },
};

function describe(run: TrainingRun): string {
  const facts: [string, string | null][] = [
    ['run', run.id],
    ['status', run.queue_position === null ? run.status : `${run.status}, number ${run.queue_position} in the queue`],
    ['base model', run.model],
    ['tuned model', run.fine_tuned_model],
    ['started', ago(run.created_at)],
    ['step', `${run.step} of ${run.total_steps ?? '?'}`],
    ['best step', run.best_step === null ? null : String(run.best_step)],
    ['training file', run.training_file],
    ['validation file', run.validation_file],
    ['result files', run.result_files.join(', ') || null],
    ['trained tokens', run.trained_tokens === null ? null : run.trained_tokens.toLocaleString('en-US')],
    ['seed', String(run.seed)],
  ];
  const lines = facts.filter(([, value]) => value !== null).map(([name, value]) => `${name.padEnd(16)} ${value}`);
  if (run.config.chosen.length > 0) {
    lines.push('', 'chosen for you', ...run.config.chosen.map(({ field, value, why }) => `  ${field} = ${JSON.stringify(value)}  ${why}`));
  }
  if (run.failure) {
    lines.push('', `failed: ${run.failure.cause}`, `  ${run.failure.message}`, `  next: ${run.failure.next_step}`);
    lines.push(...run.failure.rows.slice(0, 20).map(({ row, reason }) => `  row ${row}: ${reason}`));
  }
  return lines.join('\n');
}
