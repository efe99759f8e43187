/** `tuneloop run receipt`: what the model of a run was made of, enough to make it again. */
import { servedFileOf, type Adapter } from '#contract/adapter.ts';
import type { ModelReceipt } from '#contract/receipt.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { findRun } from '../find-run.ts';

export const receiptFields = (
  'object version model kind step created_at base training validation config seed run device threads precision environment train_loss ' +
  'evaluation artifact parity sha256'
).split(' ');

export const command: Command = {
  words: [['[id]', 'the run, or a model or checkpoint of it; the newest run when left out']],
  examples: [
    'tuneloop run receipt',
    'tuneloop run receipt MODEL --json > receipt.json',
    'tuneloop run receipt --json artifact.adapter_sha256',
  ],
  fields: receiptFields,
  async run({ out, client: openClient }, { words: [id] }) {
    const client = await openClient();
    const receipt = await fetchReceipt(client, await modelOf(client, id));
    out.print(receipt, () => describe(receipt));
  },
};

export function fetchReceipt(client: Client, model: string): Promise<ModelReceipt> {
  return client.ask<ModelReceipt>(`/api/v1/models/${encodeURIComponent(model)}/receipt`);
}

async function modelOf(client: Client, id: string | undefined): Promise<string> {
  if (id?.startsWith('ft:')) return id;
  const run = await findRun(client, id);
  if (run.fine_tuned_model) return run.fine_tuned_model;
  throw new CliError('model_not_found', `${run.id} is ${run.status} and has no model yet`, { fix: `tuneloop run watch ${run.id}` });
}

function describe(receipt: ModelReceipt): string {
  const { base, training, validation, run, environment, artifact, evaluation, parity } = receipt;
  const file = (of: ModelReceipt['training']): string =>
    `${of.filename ?? of.file}, ${of.rows ?? '?'} rows, sha256 ${of.sha256 ?? 'not recorded'}`;
  const machine = environment && `${environment.processor}, ${environment.cores} cores, ${environment.system}`;
  const facts: [string, string | null][] = [
    ['model', receipt.model],
    ['base', `${base.model}, sha256 ${base.sha256}`],
    ['rows', file(training)],
    ['held out', validation && file(validation)],
    [
      'adapter',
      `${adapterWords(receipt.config.adapter)}, seed ${receipt.seed}, ${run.total_steps ?? '?'} steps, ${run.attempts} attempt${run.attempts === 1 ? '' : 's'}`,
    ],
    [
      'took',
      run.seconds === null
        ? null
        : `${run.seconds.toFixed(1)} s on ${receipt.device ?? '?'}, ${receipt.threads ?? '?'} threads, ${receipt.precision ?? '?'}`,
    ],
    ['cost', run.cost_usd === null ? null : `$${run.cost_usd.toPrecision(2)}`],
    ['machine', machine],
    [
      'libraries',
      environment &&
        Object.entries(environment.packages)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
    ],
    [
      'loss',
      receipt.train_loss === null
        ? null
        : `${receipt.train_loss.toPrecision(3)}${evaluation ? `, held out ${evaluation.loss.toPrecision(3)}` : ''}`,
    ],
    ['parity', parity.state.replace('_', ' ')],
    [servedFileOf(receipt.config.adapter), `sha256 ${artifact.adapter_sha256}`],
    ['receipt', `sha256 ${receipt.sha256}`],
  ];
  const lines = facts.filter(([, value]) => value !== null).map(([name, value]) => `${name.padEnd(13)} ${value}`);
  return [
    ...lines,
    '',
    `make it again: tuneloop run receipt ${receipt.model} --json > receipt.json; tuneloop run replay receipt.json`,
  ].join('\n');
}

function adapterWords(adapter: Adapter): string {
  if (adapter.type !== 'lora') return adapter.type.replace('_', ' ');
  return `${adapter.use_dora ? 'DoRA, ' : ''}rank ${adapter.r}`;
}
