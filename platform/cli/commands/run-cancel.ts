/** `tuneloop run cancel`: stops a run for good; what it has saved is kept. */
import type { Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { steerRun } from '../steer-run.ts';

export const command: Command = {
  words: [['<id>', 'the run']],
  examples: ['tuneloop run cancel ftjob-abc', 'tuneloop run cancel ftjob-abc --json id,status'],
  fields: runFields,
  run: (context, input) => steerRun(context, input, 'cancel'),
};
