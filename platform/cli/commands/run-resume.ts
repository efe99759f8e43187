/** `tuneloop run resume`: goes on with a paused run. */
import type { Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { steerRun } from '../steer-run.ts';

export const command: Command = {
  words: [['<id>', 'the run']],
  examples: ['tuneloop run resume ftjob-abc', 'tuneloop run resume ftjob-abc --json id,status'],
  fields: runFields,
  run: (context, input) => steerRun(context, input, 'resume'),
};
