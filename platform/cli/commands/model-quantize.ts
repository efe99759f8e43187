/** `tuneloop model quantize`: a model in four or eight bits, for transformers and vLLM. */
import type { ExportForm } from '#contract/model-export.ts';
import type { Command } from '../command.ts';
import { exportFields, exportFlags, makeExport } from '../make-export.ts';

const methods = { gptq: 'gptq-int4', awq: 'awq-int4', nf4: 'bnb-nf4', int8: 'bnb-int8' } as const satisfies Record<string, ExportForm>;
const names = Object.keys(methods).join(', ');

export const command: Command = {
  words: [['<id>', 'the tuned model or checkpoint']],
  flags: [
    {
      flags: '--method <method>',
      description: `${names}; gptq and awq are calibrated on rows that the model was tuned on`,
      default: 'nf4',
      parse: (text) => {
        if (Object.hasOwn(methods, text)) return text;
        throw new RangeError(`takes ${names}, not "${text}"`);
      },
    },
    ...exportFlags,
  ],
  examples: [
    'tuneloop model quantize ft:smollm2-135m-instruct:default:lumen:aB3dE6f8 --method awq',
    'tuneloop model quantize MODEL --method int8 -o lumen-int8 --json path,bytes',
  ],
  fields: exportFields,
  run: (context, { words: [id], flags }) => makeExport(context, id!, methods[flags['method'] as keyof typeof methods], flags['output']),
};
