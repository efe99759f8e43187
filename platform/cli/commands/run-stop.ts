/** `tuneloop run stop`: ends a run early; the weights after its next step become the model. */
import type { Command } from '../command.ts';
import { runFields } from '../find-run.ts';
import { steerRun } from '../steer-run.ts';

export const command: Command = {
  words: [['<id>', 'the run']],
  examples: ['tuneloop run stop ftjob-abc', 'tuneloop run stop ftjob-abc --json id,status'],
  fields: runFields,
  run: (context, input) => steerRun(context, input, 'stop'),
};
