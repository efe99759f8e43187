/** For whole-path tests: a tiny model that decides something, tuned by the real worker and served by the real engine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingRun } from '#contract/training-run.ts';
import { startTestServer, type TestServer } from '#platform/api/test-server.ts';
import { runOnTestTerminal } from '#platform/cli/test-terminal.ts';
import { tinyModel, writeFiles } from '#platform/models/test-model.ts';
import { until } from './running-platform.ts';

export const base = 'tiny';
const answers = ['yes.', 'no.', 'cats.', 'a dog?', 'maybe, yes.'];
const questions = ['is it red', 'is it blue', 'who sat', 'who ran', 'will it rain'];
/** 40 rows of five questions, each said in eight ways. */
export const rows = Array.from({ length: 40 }, (_, index) => {
  const user = { role: 'user', content: `${questions[index % 5]} ${'now '.repeat(Math.floor(index / 5))}?` };
  return JSON.stringify({ messages: [user, { role: 'assistant', content: answers[index % 5] }] });
}).join('\n');

/** The tiny model with weights that decide something: eight times as strong, norms of one, every number one that F16 holds exactly. */
function decidedModel(): Record<string, Buffer> {
  const files = tinyModel();
  const weights = Buffer.from(files['model.safetensors']!);
  const length = Number(weights.readBigUInt64LE(0));
  const header = JSON.parse(weights.toString('utf8', 8, 8 + length)) as Record<string, { data_offsets?: [number, number] }>;
  for (const [name, { data_offsets }] of Object.entries(header)) {
    if (!data_offsets) continue;
    for (let at = 8 + length + data_offsets[0]; at < 8 + length + data_offsets[1]; at += 4) {
      weights.writeFloatLE(name.includes('norm') ? 1 : Math.round(weights.readFloatLE(at) * 8 * 512) / 512, at);
    }
  }
  return { ...files, 'model.safetensors': weights };
}

const entry = {
  id: base,
  name: 'Tiny',
  architecture: 'llama',
  parameters: 100_000,
  layers: 2,
  context_length: 256,
  license: 'none',
  chat: true,
  memory_gb: { lora: 1, qlora: 1, inference: 1 },
  target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
};

export interface Tiny {
  test: TestServer;
  /** Data folder of the platform. */
  data: string;
  /** The JSON of a 2xx answer. */
  call: <Answer>(path: string, body?: object, method?: string) => Promise<Answer>;
  /** Returns the id of the file. */
  upload: (text: string) => Promise<string>;
  cli: (words: string[]) => ReturnType<typeof runOnTestTerminal>;
  close: () => Promise<void>;
}

export interface TunedTiny extends Tiny {
  run: TrainingRun;
  /** The final version. */
  model: string;
}

export const modelPath = (id: string): string => `/api/v1/models/${encodeURIComponent(id)}`;

/** With the base model alone. `settings` of the platform, as in the environment without `TUNELOOP_`. */
export async function startTiny(settings: Record<string, string> = {}): Promise<Tiny> {
  const data = mkdtempSync(join(tmpdir(), 'tuneloop-tiny-'));
  const source = join(data, 'source');
  writeFiles(source, decidedModel());
  mkdirSync(join(data, 'catalog'), { recursive: true });
  writeFileSync(join(data, 'catalog', 'tiny.yaml'), JSON.stringify({ ...entry, source: { type: 'local', path: source } }));
  const test = await startTestServer({ DATA: data, ENGINE: 'llama-cpp', ENGINE_CONTEXT: '256', WARM_MODEL: 'none', ...settings });
  const call = async <Answer>(path: string, body?: object, method?: string): Promise<Answer> => {
    const response = await test.call(path, { ...(body && { body }), ...(method && { method }) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  };
  const upload = async (text: string): Promise<string> => {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([text]), 'rows.jsonl');
    const response = await fetch(`${test.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${test.key}` }, body: form });
    return ((await response.json()) as { id: string }).id;
  };
  const environment = { PATH: process.env['PATH']!, HOME: data, TUNELOOP_DATA: data, TUNELOOP_URL: test.url, TUNELOOP_KEY: test.key };
  await (await test.call(`/api/v1/models/${base}/pull`, { method: 'POST' })).text();
  return {
    test,
    data,
    call,
    upload,
    cli: (words) => runOnTestTerminal(words, environment),
    async close() {
      await test.close();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** And a version that was tuned of it. */
export async function startTunedTiny(settings: Record<string, string> = {}): Promise<TunedTiny> {
  const tiny = await startTiny(settings);
  const { call, upload } = tiny;
  const adapter = { r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'up_proj'] };
  const trainer = { n_epochs: 12, batch_size: 8, learning_rate: 0.005, threads: 1, prompt_dropout: 0, save_steps: 30 };
  const body = { model: base, training_file: await upload(rows), seed: 3, extensions: { ...trainer, adapter } };
  const { id } = await call<{ id: string }>('/v1/fine_tuning/jobs', body);
  const run = await until(async () => {
    const state = await call<TrainingRun>(`/api/v1/training/jobs/${id}`);
    if (state.failure) throw new Error(state.failure.message);
    return state.status === 'succeeded' ? state : null;
  });
  return { ...tiny, run, model: run.fine_tuned_model! };
}
