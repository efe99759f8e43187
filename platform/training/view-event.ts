/** A stored event as OpenAI's clients read it: `metrics` where it carries figures of a step, `message` elsewhere. */
import type { FineTuningJobEvent } from '#contract/openai/fine-tuning.ts';
import type { RunEventRow } from './rows.ts';

/** Our field → OpenAI's name of it. */
const metricNames: Record<string, Record<string, string>> = {
  'run-step': { loss: 'train_loss', mean_token_accuracy: 'train_mean_token_accuracy' },
  'run-evaluated': { loss: 'full_valid_loss', mean_token_accuracy: 'full_valid_mean_token_accuracy' },
};

export function viewEvent(row: RunEventRow): FineTuningJobEvent {
  const names = metricNames[row.type];
  return {
    id: row.id,
    object: 'fine_tuning.job.event',
    created_at: Math.floor(row.at.getTime() / 1000),
    level: row.level,
    message: row.message,
    type: names ? 'metrics' : 'message',
    data: names ? renamed(row.data, names) : row.data,
  };
}

/** The validation figures stand under both of OpenAI's names: every evaluation here reads the whole validation file. */
function renamed(data: Record<string, unknown>, names: Record<string, string>): Record<string, unknown> {
  const fields = Object.entries(data).flatMap(([name, value]): [string, unknown][] => {
    const theirs = names[name] ?? name;
    return theirs.startsWith('full_')
      ? [
          [theirs, value],
          [theirs.slice('full_'.length), value],
        ]
      : [[theirs, value]];
  });
  return Object.fromEntries(fields);
}
