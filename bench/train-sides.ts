/** The sides of `bench train`, each job a process of its own on one thread: ours, plain TRL, and LLaMA-Factory in an environment of its own. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Adapter } from '#contract/adapter.ts';
import { TrainingJob, type TrainingSettings } from '#contract/training.ts';
import { projectRoot } from '#platform/config.ts';
import type { RowSet } from './train-rows.ts';

/** What a side does otherwise than the others. */
export type Side = 'ours' | 'trl' | 'trl-in-order' | 'trl-grouped' | 'trl-packed' | 'llama-factory';

export interface Cell {
  /** Folder of its files, of one name each. */
  name: string;
  side: Side;
  set: RowSet;
  method: { type: 'supervised' } | { type: 'dpo' };
  adapter: Partial<Adapter>;
  settings: Partial<TrainingSettings>;
}

/** Of the training loop alone. */
export interface Found {
  cpu_seconds: number;
  peak_memory_bytes: number;
  steps: number;
  adapter_dir: string;
}

const llamaFactoryPackage = 'llamafactory==0.9.5';
const uv = join(projectRoot, '.tools/uv/bin/uv');
const modelDir = join(projectRoot, '.tuneloop/models/smollm2-135m-instruct/model');
const run = promisify(execFile);
const environment = {
  ...process.env,
  HF_HUB_OFFLINE: '1',
  OMP_NUM_THREADS: '1',
  OMP_WAIT_POLICY: 'passive',
  GOMP_SPINCOUNT: '0',
  CUDA_VISIBLE_DEVICES: '',
};

const jsonLines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** The job of a cell, its rows written; `withValidation` for the referee alone, so that no side evaluates while it is timed. */
function jobOf(folder: string, cell: Cell, withValidation = false): TrainingJob {
  const output = join(folder, cell.name);
  mkdirSync(folder, { recursive: true });
  const [training, validation] = [`${output}-rows.jsonl`, `${output}-held-out.jsonl`];
  writeFileSync(training, jsonLines(cell.set.training));
  writeFileSync(validation, jsonLines(cell.set.validation));
  return TrainingJob.parse({
    run_id: cell.name,
    attempt: 1,
    model: 'smollm2-135m-instruct',
    model_dir: modelDir,
    base_sha256: '0'.repeat(64),
    training_file: training,
    validation_file: withValidation ? validation : null,
    output_dir: output,
    attempt_dir: join(output, 'attempt-1'),
    resume_from: null,
    seed: 7,
    adapter: { type: 'lora', lora_dropout: 0, ...cell.adapter },
    method: cell.method,
    settings: { lr_scheduler_type: 'constant', warmup_ratio: 0, threads: 1, save_steps: 10_000, ...cell.settings },
    chat_template: cell.set.chatTemplate,
    kept_steps: [],
    probes: null,
  });
}

/** What a referee says of an adapter: the mean length of its rows, the loss on held-out ones, in nats, and the share of questions answered right, null where none is asked. */
interface Judgement {
  tokens_a_row: number;
  loss: number;
  right: number | null;
}

/** Trains all cells but LLaMA-Factory's, two at once. Throws with the last of what was written when one fails. */
export async function trainAll(folder: string, cells: Cell[]): Promise<Found[]> {
  const tasks = cells.map((cell) => ({ side: cell.side, job: jobOf(folder, cell), pack_tokens: cell.set.packTokens }));
  return (await runTasks(join(folder, 'train.json'), tasks)) as Found[];
}

/** Judges the adapter of each cell; one that runs whole epochs is asked the questions of its set, too. */
export async function judgeAll(folder: string, trained: { cell: Cell; found: Found }[]): Promise<Judgement[]> {
  const tasks = trained.map(({ cell, found }) => ({
    side: 'judge',
    job: jobOf(folder, { ...cell, name: `${cell.name}-judge` }, true),
    adapter_dir: found.adapter_dir,
    questions: cell.settings.n_epochs === undefined ? [] : cell.set.questions,
  }));
  return (await runTasks(join(folder, 'judge.json'), tasks)) as Judgement[];
}

async function runTasks(path: string, tasks: object[]): Promise<unknown[]> {
  writeFileSync(path, JSON.stringify(tasks));
  return lastLines(join(projectRoot, '.venv/bin/python'), 'train_sides.py', path, tasks.length);
}

/** LLaMA-Factory on a job; null, with the reason on standard error, where it does not install or run. */
export async function llamaFactory(folder: string, cell: Cell): Promise<Found | null> {
  const task = join(folder, `${cell.name}.json`);
  writeFileSync(task, JSON.stringify({ job: jobOf(folder, cell) }));
  try {
    const [found] = await lastLines(await llamaFactoryPython(), 'train_llama_factory.py', task, 1);
    return found as Found;
  } catch (error) {
    console.error(`LLaMA-Factory does not run here: ${String((error as { stderr?: string }).stderr ?? error).slice(-2000)}`);
    return null;
  }
}

async function lastLines(python: string, script: string, task: string, count: number): Promise<unknown[]> {
  const { stdout } = await run(python, [join(projectRoot, 'bench', script), task], { env: environment, maxBuffer: 2 ** 26 });
  const lines = stdout.trim().split('\n').slice(-count);
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** An environment with LLaMA-Factory, made at the first call. Its libraries are others than ours: it asks for older ones. */
async function llamaFactoryPython(): Promise<string> {
  const folder = join(projectRoot, '.tools/llama-factory');
  const python = join(folder, 'bin/python');
  if (!existsSync(join(folder, 'complete'))) {
    await run(uv, ['venv', '--quiet', '--clear', '--python', join(projectRoot, '.venv/bin/python'), folder]);
    await run(uv, ['pip', 'install', '--quiet', '--python', python, llamaFactoryPackage], { maxBuffer: 2 ** 26 });
    writeFileSync(join(folder, 'complete'), llamaFactoryPackage);
  }
  return python;
}
