/** `tuneloop run replay`: trains a version again from its receipt, and tells whether the very same bytes came out. */
import { readFileSync } from 'node:fs';
import type { Model } from '#contract/openai/models.ts';
import { ModelReceipt, type TrainingReplay } from '#contract/receipt.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { exitCodes } from '../error-help.ts';
import { listModels } from '../find-model.ts';
import { reportEnd, watchRun } from '../watch-run.ts';
import { fetchReceipt } from './run-receipt.ts';

type Known = string | number | null | undefined;

interface Outcome {
  object: 'training.replay_outcome';
  run: string;
  model: string;
  equal: boolean;
  expected_sha256: string;
  found_sha256: string | null;
  /** What is other here than where it was trained. */
  differences: string[];
}

export const command: Command = {
  words: [['<receipt>', 'file that "run receipt --json" wrote, or a model of this platform']],
  flags: [
    { flags: '--training-file <path>', description: 'the rows, where this platform does not have them' },
    { flags: '--validation-file <path>', description: 'the held-out rows, likewise' },
  ],
  examples: ['tuneloop run replay receipt.json', 'tuneloop run replay ft:smollm2-135m-instruct:default:lumen:aB3dE6f8 --json equal'],
  fields: ['object', 'run', 'model', 'equal', 'expected_sha256', 'found_sha256', 'differences'],
  async run(context, { words: [given], flags }) {
    const client = await context.client();
    const receipt = given!.startsWith('ft:') ? await fetchReceipt(client, given!) : readReceipt(given!);
    const { run, step, expected_sha256 } = await client.create<TrainingReplay>('/api/v1/training/replays', {
      receipt,
      ...(await upload(client, 'training_file', flags.trainingFile as string | undefined)),
      ...(await upload(client, 'validation_file', flags.validationFile as string | undefined)),
    });
    context.out.note(`${run.id}  ${run.model}`);
    const ended = await watchRun(context, client, run.id, { quiet: context.out.isJson });
    if (ended?.status !== 'succeeded') return reportEnd(context, ended);
    const model = (await listModels(client)).find((one) => isMade(one, run.id, step));
    const differences = model ? environmentDifferences(receipt, await fetchReceipt(client, model.id)) : [];
    const found_sha256 = model?.x_sha256 ?? null;
    const equal = found_sha256 === expected_sha256;
    const outcome: Outcome = {
      object: 'training.replay_outcome',
      run: run.id,
      model: receipt.model,
      equal,
      expected_sha256,
      found_sha256,
      differences,
    };
    context.out.print(outcome, () => describe(outcome));
    return equal ? exitCodes.ok : exitCodes.failed;
  },
};

function isMade({ x_run_id, x_step, x_kind }: Model, runId: string, step: number | null): boolean {
  return x_run_id === runId && (step === null ? x_kind === 'adapter' : x_kind === 'checkpoint' && x_step === step);
}

function readReceipt(path: string): ModelReceipt {
  try {
    return ModelReceipt.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new CliError('usage', `${path} is not a receipt: ${(cause as Error).message.slice(0, 200)}`, {
      fix: 'tuneloop run receipt MODEL --json > receipt.json',
      cause,
    });
  }
}

async function upload(client: Client, name: string, path: string | undefined): Promise<Record<string, string>> {
  return path === undefined ? {} : { [name]: (await client.upload(path, 'fine-tune')).id };
}

/** Sums are rounded otherwise by other libraries, on other processors and on another number of threads. */
function environmentDifferences({ environment: there, threads }: ModelReceipt, here: ModelReceipt): string[] {
  if (!there || !here.environment) return ['the libraries of one of the two runs are not known'];
  const pairs: [string, Known, Known][] = [
    ...Object.entries(there.packages).map(([name, version]): [string, Known, Known] => [name, version, here.environment!.packages[name]]),
    ['Python', there.python, here.environment.python],
    ['processor', there.processor, here.environment.processor],
    ['GPUs', there.gpus.join(' + ') || 'none', here.environment.gpus.join(' + ') || 'none'],
    ['threads', threads, here.threads],
  ];
  return pairs
    .filter(([, left, right]) => left !== right)
    .map(([name, left, right]) => `${name} ${left ?? 'none'} there, ${right ?? 'none'} here`);
}

function describe({ equal, model, expected_sha256, found_sha256, differences }: Outcome): string {
  if (equal) return `✓ the same bytes as ${model}\n  sha256 ${expected_sha256}`;
  const why =
    differences.length > 0 ? differences.map((line) => `  other here: ${line}`) : ['  libraries, processor and threads are the same'];
  return [`✗ not the bytes of ${model}`, `  there ${expected_sha256}`, `  here  ${found_sha256 ?? 'no such version'}`, ...why].join('\n');
}
