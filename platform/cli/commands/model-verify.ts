/** `tuneloop model verify`: reads every byte of a model again, and tells whether it answers as it was trained. */
import type { ParityCertificate } from '#contract/parity.ts';
import type { ModelVerification } from '#contract/receipt.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { exitCodes } from '../error-help.ts';

/** Between two looks at a parity that is being measured. */
const pollMs = 500;

export const command: Command = {
  words: [['<id>', 'the tuned model, checkpoint or base model']],
  flags: [
    { flags: '--measure', description: 'measure the parity anew first: the served model answers 50 prompts, the trained one judges them' },
  ],
  examples: [
    'tuneloop model verify ft:smollm2-135m-instruct:default:lumen:aB3dE6f8',
    'tuneloop model verify MODEL --measure --json ok,parity.state',
  ],
  fields: ['object', 'model', 'ok', 'files', 'parity'],
  async run({ out, client: openClient }, { words: [id], flags }) {
    const client = await openClient();
    const path = `/api/v1/models/${encodeURIComponent(id!)}`;
    if (flags.measure) await measure(client, path, (text) => out.note(text));
    const found = await client.ask<ModelVerification>(`${path}/verify`, { method: 'POST' });
    out.print(found, () => describe(found));
    return found.ok ? exitCodes.ok : exitCodes.failed;
  },
};

async function measure(client: Client, path: string, note: (text: string) => void): Promise<void> {
  let parity = await client.ask<ParityCertificate>(`${path}/parity`, { method: 'POST' });
  if (parity.state === 'measuring') note('asking the served model and the trained one …');
  while (parity.state === 'measuring') {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    parity = await client.ask<ParityCertificate>(`${path}/parity`);
  }
}

function describe({ model, ok, files, parity }: ModelVerification): string {
  const wrong = files.filter(({ problem }) => problem !== null);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const lines = [
    `${ok ? '✓' : '✗'} ${model}`,
    `  files   ${files.length - wrong.length} of ${files.length} as committed, ${(bytes / 1e6).toFixed(0)} MB read`,
  ];
  lines.push(...wrong.map(({ path, problem }) => `          ${path}: ${problem}`));
  return [...lines, ...(parity ? describeParity(parity) : [])].join('\n');
}

function describeParity(parity: ParityCertificate): string[] {
  if (parity.measured_at === null) return [`  parity  ${parity.state.replace('_', ' ')}${parity.reason ? `: ${parity.reason}` : ''}`];
  const lines = [
    `  parity  ${parity.state}${parity.reason ? `: ${parity.reason}` : ''}`,
    `          prompts    ${parity.equal_prompts} of ${parity.prompts} with equal token ids`,
    `          tokens     ${parity.agreeing_decided_places} of ${parity.decided_places} as trained where it is no tie (${parity.agreeing_places} of ${parity.places} in all; a tie is nearer than ${parity.tolerance} nats)`,
    `          log-probs  ${number(parity.largest_difference)} nats apart at most, ${number(parity.mean_difference)} on average; ${parity.largest_allowed} and ${parity.mean_allowed} are allowed`,
    `          served by  ${parity.engine} from ${parity.weights}, in ${number(parity.seconds)} s`,
  ];
  const shown = parity.state === 'failed' ? parity.differences.slice(0, 5) : [];
  return [
    ...lines,
    ...shown.map(({ prompt, place, served, trained }) => `          "${prompt}", place ${place}: served ${served}, trained ${trained}`),
  ];
}

const number = (value: number | null): string => (value === null ? '?' : String(Number(value.toPrecision(3))));
