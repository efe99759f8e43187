/** `tuneloop run watch`: follows a run until it ends; its result is the exit code. */
import { wholeNumber, type Command } from '../command.ts';
import { eventFields, findRun } from '../find-run.ts';
import { reportEnd, watchRun } from '../watch-run.ts';

export const command: Command = {
  words: [['[id]', 'the run; the newest when left out']],
  flags: [
    { flags: '--timeout <seconds>', description: 'stop watching after so long (exit code 124); the run goes on', parse: wholeNumber(1) },
  ],
  examples: ['tuneloop run watch', 'tuneloop run watch ftjob-abc --json', 'tuneloop run watch ftjob-abc --timeout 600'],
  fields: eventFields,
  async run(context, { words: [id], flags }) {
    const client = await context.client();
    const run = await findRun(client, id);
    context.out.note(`${run.id}  ${run.model}`);
    return reportEnd(context, await watchRun(context, client, run.id, { timeoutSeconds: flags.timeout as number | undefined }));
  },
};
