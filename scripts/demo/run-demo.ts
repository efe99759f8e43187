/** The demo, once everything is installed: upload, ask, fine-tune, ask again; the platform stays up afterwards. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { projectRoot } from '#platform/config.ts';
import { Client } from '#platform/cli/client.ts';
import { CliError, printFailure, toCliError } from '#platform/cli/cli-error.ts';
import { coloursOf } from '#platform/cli/colours.ts';
import { openContext, type Context } from '#platform/cli/context.ts';
import { freePort, isTaken, startPlatform, type StartedPlatform } from '#platform/cli/start-platform.ts';
import { readPlatformFile } from '#platform/cli/platform-file.ts';
import { reportEnd, watchRun } from '#platform/cli/watch-run.ts';
import { askAll, readHeldOut, type Reply } from './held-out.ts';
import { nextThings, sideBySide } from './show.ts';

const baseModel = 'smollm2-135m-instruct';

interface Figures {
  set: string;
  address: string;
  run_id: string;
  model: string;
  questions: number;
  base_right: number;
  tuned_right: number;
  final_loss: number | null;
  /** Wall time of each part; `total` counts from `npm run demo`, set-up and all. */
  seconds: { start: number; train: number; first_answer: number; total: number };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'lumen-support' },
      json: { type: 'boolean', default: false },
      'started-at': { type: 'string' },
    },
  });
  const terminal = { environment: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  const context = openContext(terminal, null);
  try {
    const figures = await demo(context, values.set, Number(values['started-at'] ?? Date.now()));
    if (figures && values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    return figures ? 0 : 130;
  } catch (error) {
    const failure = toCliError(error);
    printFailure(process.stderr, failure, values.json);
    return failure.exitCode;
  } finally {
    context.close();
  }
}

/** Null when the person let go of the run. */
async function demo(context: Context, set: string, startedAt: number): Promise<Figures | null> {
  const { note } = context.out;
  const { bold } = coloursOf(context.stderr, context.environment);
  const since = (from: number): number => Math.round((Date.now() - from) / 100) / 10;
  const files = exampleFiles(set);
  const heldOut = readHeldOut(files.heldOut);

  note(bold('\nStarting the platform'));
  const platformAt = Date.now();
  const platform = await startSomewhere(context);
  const start = since(platformAt);
  note(`  ✓ ${platform.address} ${platform.isNew ? `is up after ${start} s` : 'was up already'}`);
  const client = new Client(platform.address, platform.key);

  note(bold(`\nAsking ${baseModel} ${heldOut.length} questions it cannot know`));
  const before = await askAll(client, baseModel, heldOut, context.stderr);

  note(bold(`\nFine-tuning it on ${files.training.replace(`${projectRoot}/`, '')}`));
  const trainAt = Date.now();
  const job = await startRun(client, files, set);
  note(`  in the browser, while it changes: ${platform.address}/runs/${job.id}`);
  const run = await watchRun(context, client, job.id);
  if (run === null) return null;
  reportFailure(context, run);
  const train = since(trainAt);
  const model = run.fine_tuned_model!;

  note(bold(`\nAsking ${model} the same`));
  const answerAt = Date.now();
  await askAll(client, model, heldOut.slice(0, 1), null);
  const firstAnswer = since(answerAt);
  const after = await askAll(client, model, heldOut, context.stderr);

  context.stdout.write(`\n${sideBySide(heldOut, before, after, context)}\n`);
  context.stdout.write(`${nextThings(platform, model, heldOut[0]!.question)}\n`);
  const events = await client.ask<{ data: { data: Record<string, unknown> }[] }>(`/v1/fine_tuning/jobs/${job.id}/events`, {
    query: { limit: 100 },
  });
  const finalLoss = events.data.map(({ data }) => data.train_loss).find((loss) => typeof loss === 'number');
  return {
    set,
    address: platform.address,
    run_id: job.id,
    model,
    questions: heldOut.length,
    base_right: rightOf(before),
    tuned_right: rightOf(after),
    final_loss: finalLoss ?? null,
    seconds: { start, train, first_answer: firstAnswer, total: since(startedAt) },
  };
}

const rightOf = (replies: Reply[]): number => replies.filter(({ isRight }) => isRight).length;

function exampleFiles(set: string): { training: string; validation: string | null; heldOut: string } {
  const at = (suffix: string): string => join(projectRoot, 'examples', 'data', `${set}${suffix}.jsonl`);
  const files = { training: at(''), validation: existsSync(at('-validation')) ? at('-validation') : null, heldOut: at('-heldout') };
  for (const path of [files.training, files.heldOut]) {
    if (!existsSync(path)) throw new CliError('usage', `there is no ${path}`, { fix: 'ls examples/data, then npm run demo -- --set NAME' });
  }
  return files;
}

/** On the port of the settings; when something else has that, on a free one. */
async function startSomewhere(context: Context): Promise<StartedPlatform> {
  const config = await context.config();
  const isFree = readPlatformFile(config.data) !== null || !(await isTaken(config.host, config.port));
  if (!isFree) context.out.note(`  port ${config.port} is taken; using a free one`);
  return startPlatform(context, isFree ? config : { ...config, port: await freePort(config.host) });
}

/** Every hyperparameter is left to the platform; the seed is fixed, so that the demo is the same for everybody on the same hardware. */
async function startRun(client: Client, files: ReturnType<typeof exampleFiles>, set: string): Promise<FineTuningJob> {
  const training = await client.upload(files.training, 'fine-tune');
  const validation = files.validation === null ? null : await client.upload(files.validation, 'fine-tune');
  return client.create<FineTuningJob>('/v1/fine_tuning/jobs', {
    model: baseModel,
    training_file: training.id,
    validation_file: validation?.id ?? null,
    suffix: set.split('-')[0],
    seed: 7,
  });
}

/** Throws with the run's own cause when it has not succeeded. */
function reportFailure(context: Context, run: Parameters<typeof reportEnd>[1]): void {
  if (run?.status !== 'succeeded') reportEnd(context, run);
}

process.exitCode = await main();
