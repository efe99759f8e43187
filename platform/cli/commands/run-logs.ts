/** `tuneloop run logs`: what a run has reported, one line a message, for reading. */
import type { FineTuningJobEvent } from '#contract/openai/fine-tuning.ts';
import type { Command } from '../command.ts';
import { eventFields, findRun } from '../find-run.ts';
import { followRun } from '../follow-run.ts';

export const command: Command = {
  words: [['[id]', 'the run; the newest when left out']],
  flags: [
    { flags: '-f, --follow', description: 'go on until the run ends' },
    { flags: '--level <level>', description: 'only this level and worse: info, warn or error', default: 'info', parse: readLevel },
  ],
  examples: ['tuneloop run logs', 'tuneloop run logs ftjob-abc --follow', 'tuneloop run logs ftjob-abc --level warn'],
  fields: eventFields,
  async run({ out, client: openClient }, { words: [id], flags }) {
    const client = await openClient();
    const run = await findRun(client, id);
    const path = `/v1/fine_tuning/jobs/${encodeURIComponent(run.id)}/events`;
    const events = flags.follow ? followRun(client, run.id) : client.pages<FineTuningJobEvent>(path, { limit: 100, order: 'asc' });
    for await (const event of events) {
      if (levels.indexOf(event.level) < levels.indexOf(flags.level as string)) continue;
      const time = new Date(event.created_at * 1000).toTimeString().slice(0, 8);
      out.line(event, () => `${time} ${event.level === 'info' ? '' : `${event.level}: `}${event.message}`);
    }
  },
};

const levels: string[] = ['info', 'warn', 'error'];

function readLevel(text: string): string {
  if (!levels.includes(text)) throw new RangeError(`takes one of ${levels.join(', ')}`);
  return text;
}
