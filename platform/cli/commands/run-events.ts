/** `tuneloop run events`: what a run has reported so far, oldest first, as JSON lines or as text with its figures. */
import type { FineTuningJobEvent } from '#contract/openai/fine-tuning.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import type { Command } from '../command.ts';
import { eventFields, eventsOf } from '../find-run.ts';

export const command: Command = {
  words: [['[id]', 'the run; the newest when left out']],
  flags: [{ flags: '-f, --follow', description: 'go on until the run ends' }],
  examples: ['tuneloop run events ftjob-abc', 'tuneloop run events ftjob-abc --follow --json message,data.train_loss'],
  fields: eventFields,
  async run({ out, client: openClient }, { words: [id], flags }) {
    for await (const event of await eventsOf(await openClient(), id, flags.follow === true)) out.line(event, () => describe(event));
  },
};

function describe({ created_at, message, data }: FineTuningJobEvent | TrainingRunEvent): string {
  const figures = Object.entries(data).filter(([, value]) => typeof value === 'number' || typeof value === 'string');
  return `${new Date(created_at * 1000).toISOString()}  ${message}  ${figures.map(([name, value]) => `${name}=${String(value)}`).join(' ')}`.trimEnd();
}
