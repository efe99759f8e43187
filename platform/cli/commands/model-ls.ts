/** `tuneloop model ls`: base models of the catalogue, and what has been tuned from them. */
import type { Model } from '#contract/openai/models.ts';
import type { Command } from '../command.ts';
import { listModels } from '../find-model.ts';
import { ago, table } from '../table.ts';
import type { BaseModelView } from './model-show.ts';

interface Row {
  id: string;
  kind: Model['x_kind'];
  /** Of a base model: ready, absent (can be pulled) or unsupported; a tuned model is always ready. */
  state: string;
  base_model: string | null;
  run_id: string | null;
  step: number | null;
  created: number | null;
  parameters: number | null;
  context_length: number | null;
  license: string | null;
}

export const command: Command = {
  flags: [{ flags: '-a, --all', description: 'checkpoints too, and base models that are not here yet' }],
  examples: ['tuneloop model ls', 'tuneloop model ls --all', 'tuneloop model ls --json id,state'],
  fields: ['id', 'kind', 'state', 'base_model', 'run_id', 'step', 'created', 'parameters', 'context_length', 'license'],
  async run({ out, client: openClient }, { flags }) {
    const client = await openClient();
    const [tuned, catalogue] = await Promise.all([listModels(client), client.ask<{ data: BaseModelView[] }>('/api/v1/models')]);
    const rows = [...catalogue.data.map(baseRow), ...tuned.filter(({ x_kind }) => x_kind !== 'base').map(tunedRow)];
    const shown = flags.all ? rows : rows.filter(({ kind, state }) => kind !== 'checkpoint' && state === 'ready');
    out.print(shown, () => describe(shown, rows.length - shown.length));
  },
};

function baseRow({ id, state, parameters, context_length, license }: BaseModelView): Row {
  return { id, kind: 'base', state, base_model: null, run_id: null, step: null, created: null, parameters, context_length, license };
}

function tunedRow({ id, created, x_kind, x_base_model, x_run_id, x_step }: Model): Row {
  const ofBase = { parameters: null, context_length: null, license: null };
  return { id, kind: x_kind, state: 'ready', base_model: x_base_model, run_id: x_run_id, step: x_step, created, ...ofBase };
}

function describe(rows: Row[], hidden: number): string {
  const cells = rows.map(({ id, kind, state, parameters, base_model, created }) => {
    const size = parameters ? `${(parameters / 1e6).toFixed(0)}M parameters` : '';
    return [id, kind, state, base_model ?? size, created ? ago(created) : ''];
  });
  const text = table([['ID', 'KIND', 'STATE', 'BASE OR SIZE', 'MADE'], ...cells]);
  return hidden > 0 ? `${text}\n${hidden} more with --all` : text;
}
