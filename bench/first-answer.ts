/** From job creation to the first token of the tuned model on the demo set, against a cold script of plain TRL, PEFT and transformers. */
import { execFile } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { projectRoot } from '#platform/config.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { type RunningPlatform, untilSucceeded, withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const model = 'smollm2-135m-instruct';
const trainingFile = join(projectRoot, 'examples/data/lumen-support.jsonl');
const question = 'Who are you?';

interface Side {
  totalSeconds: number;
  stepSeconds: number;
}

/** Our side: a warm worker, one job with everything on "auto", the first streamed token of its model. */
async function warmPlatform(platform: RunningPlatform): Promise<Side & { run: TrainingRun }> {
  const client = new OpenAI({ apiKey: platform.key, baseURL: `${platform.url}/v1` });
  const file = await client.files.create({ file: createReadStream(trainingFile), purpose: 'fine-tune' });
  const started = performance.now();
  // Probes take a share of the run's time that is measured by itself (bench time-machine), and the script has none.
  const extensions = { probes: { enabled: false } };
  const body = { model, training_file: file.id, seed: 7, extensions };
  const job = await client.fineTuning.jobs.create(body);
  const ended = await untilSucceeded(client, job.id, 20);
  const stream = await client.chat.completions.create({
    model: ended.fine_tuned_model!,
    messages: [{ role: 'user', content: question }],
    stream: true,
    temperature: 0,
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  const totalSeconds = (performance.now() - started) / 1000;
  const run = (await read(platform, `/api/v1/training/jobs/${job.id}`)) as TrainingRun;
  return { totalSeconds, stepSeconds: await secondsOfSteps(platform, job.id), run };
}

async function read(platform: RunningPlatform, path: string): Promise<unknown> {
  const answer = await fetch(platform.url + path, { headers: { authorization: `Bearer ${platform.key}` } });
  return answer.json();
}

/** Seconds within optimiser steps, by the worker's own clock. */
async function secondsOfSteps(platform: RunningPlatform, runId: string): Promise<number> {
  const answer = await fetch(`${platform.url}/api/v1/training/jobs/${runId}/events/stream?after=0`, {
    headers: { authorization: `Bearer ${platform.key}` },
  });
  const events = (await answer.text())
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as { event: string; data: { step_seconds?: number } });
  return events.filter((event) => event.event === 'run-step').reduce((sum, event) => sum + (event.data.step_seconds ?? 0), 0);
}

/** Their side: the same rows, adapter and settings in one script that starts from nothing. */
async function coldScript(
  run: TrainingRun,
  modelDir: string,
  threads: number,
): Promise<Side & { cpuSeconds: number; importSeconds: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-cold-'));
  try {
    const { adapter, settings } = run.config;
    const job = { model_dir: modelDir, training_file: trainingFile, output_dir: folder, adapter, settings, seed: 7, question };
    writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
    const python = join(projectRoot, '.venv/bin/python');
    const { stdout } = await promisify(execFile)(python, [join(projectRoot, 'bench/first_answer_cold.py'), join(folder, 'job.json')], {
      env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_WAIT_POLICY: 'passive', GOMP_SPINCOUNT: '0', OMP_NUM_THREADS: String(threads) },
      maxBuffer: 64 * 1024 * 1024,
    });
    const figures = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    return {
      totalSeconds: figures['total_seconds']!,
      stepSeconds: figures['step_seconds']!,
      cpuSeconds: figures['cpu_seconds']!,
      importSeconds: figures['import_seconds']!,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function run(): Promise<Figure[]> {
  return withQuietPlatform(async (platform) => {
    const ours = await warmPlatform(platform);
    await platform.stop();
    const modelDir = join(platform.dataDir, 'models', model, 'model');
    const theirs = await coldScript(ours.run, modelDir, ours.run.config.settings.threads ?? 2);
    const other = ours.totalSeconds - ours.stepSeconds;
    return [
      { name: 'job creation to first token, ours', value: ours.totalSeconds, unit: 's' },
      { name: 'the same, cold script', value: theirs.totalSeconds, unit: 's' },
      { name: 'in optimiser steps, ours', value: ours.stepSeconds, unit: 's' },
      { name: 'in optimiser steps, cold script', value: theirs.stepSeconds, unit: 's' },
      { name: 'all else, cold script', value: theirs.totalSeconds - theirs.stepSeconds, unit: 's' },
      { name: 'all else, ours', value: other, unit: 's', goal: '<= 3', holds: other <= 3 },
    ];
  });
}
