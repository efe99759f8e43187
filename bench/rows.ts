/** What the number of rows costs: the same eight steps from files of a hundred rows to a hundred thousand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { Client } from '#platform/cli/client.ts';
import { followRun } from '#platform/cli/follow-run.ts';
import { projectRoot } from '#platform/config.ts';
import { withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const model = 'smollm2-135m-instruct';
const sizes = [100, 1000, 10_000, 100_000];
/** Of the smallest file's. */
const goal = 1.1;
/** Few layers, so that rows count for more than steps. */
const extensions = {
  max_steps: 8,
  batch_size: 8,
  adapter: { layers_to_transform: [25, 26, 27, 28, 29] },
  prompt_dropout: 0,
  probes: { enabled: false },
};

interface Message {
  role: string;
  content: string;
}

/** Chats of the demo set, each with a number of its own. */
function rowsOf(count: number): string {
  const chats = readFileSync(join(projectRoot, 'examples/data/lumen-support.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { messages: Message[] }).messages);
  return Array.from({ length: count }, (_, row) => {
    const messages = chats[row % chats.length]!.map((said) =>
      said.role === 'user' ? { ...said, content: `${said.content} (Ticket ${row})` } : said,
    );
    return `${JSON.stringify({ messages })}\n`;
  }).join('');
}

interface Taken {
  tokensPerSecond: number;
  /** From the creation of the job to its first step: every row is read and rendered. */
  millisecondsPerRow: number;
  peakBytes: number;
}

async function train(client: Client, dataDir: string, count: number): Promise<Taken> {
  const file = join(dataDir, `${count}-rows.jsonl`);
  writeFileSync(file, rowsOf(count));
  const { id: training_file } = await client.upload(file, 'fine-tune');
  const beganMs = performance.now();
  const { id } = await client.create<{ id: string }>('/v1/fine_tuning/jobs', { model, training_file, seed: 7, extensions });
  const events: TrainingRunEvent[] = [];
  let firstStepMs = 0;
  for await (const event of followRun(client, id)) {
    if (event.event === 'run-step' && firstStepMs === 0) firstStepMs = performance.now() - Number(event.data['step_seconds']) * 1000;
    events.push(event);
  }
  const run = await client.ask<TrainingRun>(`/api/v1/training/jobs/${id}`);
  if (run.status !== 'succeeded') throw new Error(`${count} rows: ${run.failure?.message}`);
  const steps = events.filter(({ event }) => event === 'run-step').map(({ data }) => data);
  const seconds = steps.reduce((sum, step) => sum + Number(step['step_seconds']), 0);
  const ended = events.find(({ event }) => event === 'run-ended')!.data;
  return {
    tokensPerSecond: Number(steps.at(-1)!['seen_tokens']) / seconds,
    millisecondsPerRow: (firstStepMs - beganMs) / count,
    peakBytes: Number(ended['peak_memory_bytes']),
  };
}

export async function run(): Promise<Figure[]> {
  return withQuietPlatform(async (platform) => {
    const { dataDir } = platform;
    const client = new Client(platform.url, platform.key);
    const taken: Taken[] = [];
    for (const count of sizes) taken.push(await train(client, dataDir, count));
    const [first, last] = [taken[0]!, taken.at(-1)!];
    const ratio = (name: string, value: number): Figure => ({ name, value, unit: 'times', goal: `<= ${goal}`, holds: value <= goal });
    return [
      ...taken.flatMap(({ tokensPerSecond, millisecondsPerRow, peakBytes }, at): Figure[] => [
        { name: `${sizes[at]} rows: tokens in optimiser steps`, value: tokensPerSecond, unit: 'per second' },
        { name: `${sizes[at]} rows: creation to first step`, value: millisecondsPerRow, unit: 'ms a row' },
        { name: `${sizes[at]} rows: peak memory`, value: peakBytes / 2 ** 20, unit: 'MiB' },
      ]),
      ratio('a token of 100,000 rows, in time', first.tokensPerSecond / last.tokensPerSecond),
      ratio('peak memory with 100,000 rows', last.peakBytes / first.peakBytes),
    ];
  });
}
