/** `tuneloop model merge`: a tuned model as one whole model, its adapter added to the weights of its base. */
import type { Command } from '../command.ts';
import { exportFields, exportFlags, makeExport } from '../make-export.ts';

export const command: Command = {
  words: [['<id>', 'the tuned model or checkpoint']],
  flags: exportFlags,
  examples: [
    'tuneloop model merge ft:smollm2-135m-instruct:default:lumen:aB3dE6f8',
    'tuneloop model merge MODEL -o lumen-merged --json path,bytes',
  ],
  fields: exportFields,
  run: (context, { words: [id], flags }) => makeExport(context, id!, 'safetensors', flags['output']),
};
