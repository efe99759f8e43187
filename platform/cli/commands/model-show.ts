/** `tuneloop model show`: a tuned model or a base model, whichever has the id. */
import type { Model } from '#contract/openai/models.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';

/** A base model as /api/v1/models answers it. */
export interface BaseModelView {
  id: string;
  name: string;
  architecture: string;
  parameters: number;
  context_length: number;
  license: string;
  source: string;
  memory_gb: { lora: number; qlora: number; inference: number };
  state: 'ready' | 'absent' | 'unsupported';
}

export const command: Command = {
  words: [['<id>', 'the model']],
  examples: ['tuneloop model show smollm2-135m-instruct', 'tuneloop model show smollm2-135m-instruct --json id,license,state'],
  fields: (
    'id name architecture parameters context_length license source memory_gb state ' +
    'created owned_by x_kind x_base_model x_run_id x_step x_sha256'
  ).split(' '),
  async run({ out, client: openClient }, { words: [id] }) {
    const client = await openClient();
    const encoded = encodeURIComponent(id!);
    const tuned = await orNull(client.ask<Model>(`/v1/models/${encoded}`));
    // A base model that was never pulled answers nothing, so only the catalogue knows it.
    const base = tuned === null || tuned.x_kind === 'base' ? await client.ask<BaseModelView>(`/api/v1/models/${encoded}`) : null;
    const model = { ...tuned, ...base };
    out.print(model, () =>
      Object.entries(model)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
        .join('\n'),
    );
  },
};

async function orNull<Value>(answer: Promise<Value>): Promise<Value | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CliError && (error.code === 'model_not_found' || error.code === 'model_not_ready')) return null;
    throw error;
  }
}
