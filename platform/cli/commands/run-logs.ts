/** `tuneloop run logs`: what a run has reported, one line a message, for reading. */
import type { Command } from '../command.ts';
import { eventFields, eventsOf } from '../find-run.ts';

export const command: Command = {
  words: [['[id]', 'the run; the newest when left out']],
  flags: [
    { flags: '-f, --follow', description: 'go on until the run ends' },
    { flags: '--level <level>', description: 'only this level and worse: info, warn or error', default: 'info', parse: readLevel },
  ],
  examples: ['tuneloop run logs', 'tuneloop run logs ftjob-abc --follow', 'tuneloop run logs ftjob-abc --level warn'],
  fields: eventFields,
  async run({ out, client: openClient }, { words: [id], flags }) {
    for await (const event of await eventsOf(await openClient(), id, flags.follow === true)) {
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
