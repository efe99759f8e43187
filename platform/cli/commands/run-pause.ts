/** `tuneloop run pause`: stops a run at its next step; `run resume` goes on from there. */
import type { Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { steerRun } from '../steer-run.ts';

export const command: Command = {
  words: [['<id>', 'the run']],
  examples: ['tuneloop run pause ftjob-abc', 'tuneloop run pause ftjob-abc --json id,status'],
  fields: runFields,
  run: (context, input) => steerRun(context, input, 'pause'),
};
