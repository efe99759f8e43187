/** `tuneloop run keep`: makes a checkpoint of the weights after the next step; it answers at once and is never removed. */
import type { Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { steerRun } from '../steer-run.ts';

export const command: Command = {
  words: [['<id>', 'the run']],
  examples: ['tuneloop run keep ftjob-abc', 'tuneloop run keep ftjob-abc --json id,step'],
  fields: runFields,
  run: (context, input) => steerRun(context, input, 'keep'),
};
