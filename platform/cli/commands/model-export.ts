/** `tuneloop model export`: a model as a folder of safetensors, or as one GGUF file. */
import type { ExportForm } from '#contract/model-export.ts';
import type { Command } from '../command.ts';
import { exportFields, exportFlags, makeExport } from '../make-export.ts';

const forms = ['safetensors', 'gguf-f16', 'gguf-q8_0', 'gguf-q4_k_m'] as const satisfies readonly ExportForm[];

export const command: Command = {
  words: [['<id>', 'the tuned model, checkpoint or base model']],
  flags: [
    {
      flags: '--form <form>',
      description: `${forms.join(', ')}; gguf is for llama.cpp, Ollama and LM Studio`,
      default: 'gguf-q8_0',
      parse: (text) => {
        if ((forms as readonly string[]).includes(text)) return text;
        throw new RangeError(`takes ${forms.join(', ')}, not "${text}"`);
      },
    },
    ...exportFlags,
  ],
  examples: [
    'tuneloop model export ft:smollm2-135m-instruct:default:lumen:aB3dE6f8 --form gguf-q4_k_m',
    'tuneloop model export MODEL --form safetensors -o lumen --json',
  ],
  fields: exportFields,
  run: (context, { words: [id], flags }) => makeExport(context, id!, flags['form'] as ExportForm, flags['output']),
};
