/** How good plans are: runs that differ in rows, lengths, batch, adapter and what they do on the way, each planned, then done. `--runs=5` does fewer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { projectRoot } from '#platform/config.ts';
import type { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { type RunningPlatform, until, withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const model = 'smollm2-135m-instruct';
const goal = { covered: 0.85, error: 0.15 };

interface Case {
  set: 'lumen-support' | 'saltcrown-game' | 'station-halvard' | 'night-train';
  rows: number;
  /** Rows of the set that are joined to one chat. */
  turns?: number;
  /** Rows of the validation file; none when left out. */
  validation?: number;
  extensions: Record<string, unknown>;
}

const attention = { target_modules: ['q_proj', 'v_proj'], r: 8 };
const lastLayers = { layers_to_transform: [25, 26, 27, 28, 29] };
const quiet = { enabled: false };

/** Each takes seconds, not minutes, on two cores. */
const cases: Case[] = [
  { set: 'lumen-support', rows: 48, extensions: { n_epochs: 1 } },
  { set: 'saltcrown-game', rows: 40, extensions: { n_epochs: 1, batch_size: 4, adapter: attention } },
  { set: 'station-halvard', rows: 24, turns: 3, extensions: { n_epochs: 1, batch_size: 2 } },
  { set: 'lumen-support', rows: 64, extensions: { n_epochs: 2, adapter: lastLayers, prompt_dropout: 0 } },
  { set: 'night-train', rows: 40, validation: 12, extensions: { n_epochs: 1, eval_steps: 2 } },
  { set: 'saltcrown-game', rows: 96, extensions: { n_epochs: 1, batch_size: 16, adapter: attention } },
  { set: 'station-halvard', rows: 12, extensions: { n_epochs: 3, batch_size: 4, save_steps: 2 } },
  { set: 'lumen-support', rows: 16, turns: 5, extensions: { n_epochs: 1, batch_size: 1, max_steps: 12 } },
  { set: 'night-train', rows: 30, extensions: { n_epochs: 2, batch_size: 5, probes: quiet } },
  { set: 'saltcrown-game', rows: 48, validation: 40, extensions: { n_epochs: 1, batch_size: 4 } },
  { set: 'station-halvard', rows: 64, extensions: { max_steps: 6, batch_size: 4, gradient_accumulation_steps: 4 } },
  { set: 'lumen-support', rows: 20, turns: 2, validation: 8, extensions: { n_epochs: 2, batch_size: 4, adapter: attention } },
  { set: 'saltcrown-game', rows: 120, extensions: { n_epochs: 1, batch_size: 12, prompt_dropout: 0, probes: quiet } },
  { set: 'night-train', rows: 40, extensions: { n_epochs: 4, adapter: { ...attention, ...lastLayers }, prompt_dropout: 0 } },
  { set: 'station-halvard', rows: 40, extensions: { n_epochs: 1, gradient_checkpointing: true } },
  { set: 'lumen-support', rows: 100, extensions: { max_steps: 20, batch_size: 2 } },
  { set: 'saltcrown-game', rows: 32, turns: 4, extensions: { n_epochs: 1, batch_size: 4, adapter: { r: 32 } } },
  { set: 'night-train', rows: 7, extensions: { n_epochs: 6, batch_size: 8 } },
  { set: 'station-halvard', rows: 48, extensions: { n_epochs: 1, batch_size: 8, group_by_length: false, threads: 1 } },
  { set: 'lumen-support', rows: 72, validation: 24, extensions: { n_epochs: 2, batch_size: 8, save_steps: 5, adapter: attention } },
];

type Message = { role: string; content: string };

/** Rows of a set as JSON lines; with turns, so many of its chats follow each other in one. */
function rowsOf(set: Case['set'], first: number, rows: number, turns = 1): string {
  const lines = readFileSync(join(projectRoot, `examples/data/${set}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  const chats = lines.map((line) => (JSON.parse(line) as { messages: Message[] }).messages);
  return Array.from({ length: rows }, (_, row) => {
    const joined = Array.from({ length: turns }, (_, turn) => chats[(first + row * turns + turn) % chats.length]!);
    const messages = joined.flatMap((chat, turn) => (turn === 0 ? chat : chat.filter(({ role }) => role !== 'system')));
    return `${JSON.stringify({ messages })}\n`;
  }).join('');
}

async function planAndRun(platform: RunningPlatform, { set, rows, turns, validation, extensions }: Case): Promise<void> {
  const client = new OpenAI({ apiKey: platform.key, baseURL: `${platform.url}/v1` });
  const upload = async (text: string): Promise<string> =>
    (await client.files.create({ file: await toFile(Buffer.from(text), 'rows.jsonl'), purpose: 'fine-tune' })).id;
  const body = {
    model,
    seed: 7,
    training_file: await upload(rowsOf(set, 0, rows, turns)),
    ...(validation === undefined ? {} : { validation_file: await upload(rowsOf(set, rows, validation, turns)) }),
  };
  const { id } = await ask<TrainingPlan>(platform, '/api/v1/training/plans', { ...body, extensions });
  const plan = await until(async () => {
    const now = await ask<TrainingPlan>(platform, `/api/v1/training/plans/${id}`);
    if (now.failure) throw new Error(now.failure.message);
    return now.state === 'ready' && now;
  });
  const job = await ask<{ id: string }>(platform, '/v1/fine_tuning/jobs', { ...body, extensions: { ...extensions, plan: id } });
  const [score] = await until(async () => {
    const { status, error } = await client.fineTuning.jobs.retrieve(job.id);
    if (status === 'failed') throw new Error(error?.message);
    const { data } = await ask<TrainingPlanScores>(platform, '/api/v1/training/plans/scores?limit=1');
    return data[0]?.job_id === job.id && data;
  });
  const seconds = `${score!.actual_seconds.toFixed(1)} s, planned ${plan.time_seconds!.p50.toFixed(1)} to ${plan.time_seconds!.p90.toFixed(1)}`;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  const { p50, p90 } = plan.peak_memory_bytes!;
  const memory = `${mebibytes(score!.actual_memory_bytes)} MiB, planned ${mebibytes(p50)} to ${mebibytes(p90)}`;
  console.error(
    `${set} ${rows} rows, ${plan.total_steps} steps: ${seconds}${score!.covered ? '' : ' MISSED'}; ${memory}${score!.memory_covered ? '' : ' MISSED'} (${plan.measuring_seconds.toFixed(1)} s measured)`,
  );
}

async function ask<Answer>(platform: RunningPlatform, path: string, body?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${platform.key}`, 'content-type': 'application/json' };
  const answer = await fetch(platform.url + path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

export async function run(): Promise<Figure[]> {
  const given = process.argv.find((word) => word.startsWith('--runs='));
  const chosen = cases.slice(0, given ? Number(given.slice('--runs='.length)) : cases.length);
  return withQuietPlatform(async (platform) => {
    for (const one of chosen) await planAndRun(platform, one);
    return figures(await ask<TrainingPlanScores>(platform, '/api/v1/training/plans/scores?limit=100'));
  });
}

function figures(scores: TrainingPlanScores): Figure[] {
  const share = (name: string, value: number): Figure => ({
    name,
    value,
    unit: `of ${scores.data.length} runs`,
    goal: `>= ${goal.covered}`,
    holds: value >= goal.covered,
  });
  const error = (name: string, value: number): Figure => ({
    name,
    value,
    unit: 'of the truth',
    goal: `<= ${goal.error}`,
    holds: value <= goal.error,
  });
  return [
    share('time stayed below p90', scores.covered_by_p90!),
    error('time, median error of p50', scores.median_error!),
    share('peak memory stayed below p90', scores.memory_covered_by_p90!),
    error('peak memory, median error of p50', scores.memory_median_error!),
  ];
}
