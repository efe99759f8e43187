/** `tuneloop model exports`: the forms that a model was exported in, and how to be rid of one. */
import type { ModelExportDeleted, ModelExportList } from '#contract/model-export.ts';
import type { Command } from '../command.ts';
import { describeExport } from '../make-export.ts';

export const command: Command = {
  words: [['<id>', 'the model']],
  flags: [{ flags: '--rm <form>', description: 'remove this form; one that is being made is ended' }],
  examples: ['tuneloop model exports MODEL --json data', 'tuneloop model exports MODEL --rm gguf-f16'],
  fields: ['object', 'data', 'model', 'form', 'deleted'],
  async run({ out, client: openClient }, { words: [id], flags }) {
    const client = await openClient();
    const path = `/api/v1/models/${encodeURIComponent(id!)}/exports`;
    if (typeof flags['rm'] === 'string') {
      const gone = await client.ask<ModelExportDeleted>(`${path}/${encodeURIComponent(flags['rm'])}`, { method: 'DELETE' });
      return out.print(gone, () => `the ${gone.form} export of ${gone.model} is removed`);
    }
    const list = await client.ask<ModelExportList>(path);
    const nothing = `${id} was not exported yet: tuneloop model export ${id}`;
    out.print(list, () => (list.data.length === 0 ? nothing : list.data.map(describeExport).join('\n')));
  },
};
