/** Trained and served are the same: parity, receipt, replay and verification of a small model that the real worker has trained. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ParityCertificate } from '#contract/parity.ts';
import { ModelReceipt, ModelVerification, type TrainingReplay } from '#contract/receipt.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { startTestServer, type TestServer } from '#platform/api/test-server.ts';
import { runOnTestTerminal } from '#platform/cli/test-terminal.ts';
import { projectRoot } from '#platform/config.ts';
import { limitsOf } from '#platform/evaluation/parity-limits.ts';
import { measureParity } from '#platform/evaluation/measure-parity.ts';
import { parityPrompts } from '#platform/evaluation/parity-prompts.ts';
import { ggufWeights } from '#platform/models/gguf-weights.ts';
import { tinyModel, writeFiles } from '#platform/models/test-model.ts';
import { resolveModel } from '#platform/models/versions.ts';
import { until } from './running-platform.ts';

const base = 'tiny';
const project = 'proj_default';
const never = new AbortController().signal;
const answers = ['yes.', 'no.', 'cats.', 'a dog?', 'maybe, yes.'];
const questions = ['is it red', 'is it blue', 'who sat', 'who ran', 'will it rain'];
const rows = Array.from({ length: 40 }, (_, index) => {
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

describe('a small model, trained and served', { timeout: 300_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'tuneloop-proofs-'));
  let test: TestServer;
  let run: TrainingRun;
  let model: string;

  const call = async <Answer>(path: string, body?: object, method?: string): Promise<Answer> => {
    const response = await test.call(path, { ...(body && { body }), ...(method && { method }) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  };
  const pathOf = (id: string): string => `/api/v1/models/${encodeURIComponent(id)}`;
  const upload = async (text: string): Promise<string> => {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([text]), 'rows.jsonl');
    const response = await fetch(`${test.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${test.key}` }, body: form });
    return ((await response.json()) as { id: string }).id;
  };
  const ended = (id: string) =>
    until(async () => {
      const state = await call<TrainingRun>(`/api/v1/training/jobs/${id}`);
      if (state.failure) throw new Error(state.failure.message);
      return state.status === 'succeeded' ? state : null;
    });
  const cli = (words: string[]) => {
    const environment = { PATH: process.env['PATH']!, HOME: data, TUNELOOP_DATA: data, TUNELOOP_URL: test.url, TUNELOOP_KEY: test.key };
    return runOnTestTerminal(words, environment);
  };

  beforeAll(async () => {
    const source = join(data, 'source');
    writeFiles(source, decidedModel());
    mkdirSync(join(data, 'catalog'), { recursive: true });
    writeFileSync(join(data, 'catalog', 'tiny.yaml'), JSON.stringify({ ...entry, source: { type: 'local', path: source } }));
    test = await startTestServer({ DATA: data, ENGINE: 'llama-cpp', ENGINE_CONTEXT: '256', WARM_MODEL: 'none' });
    await (await test.call(`/api/v1/models/${base}/pull`, { method: 'POST' })).text();
    const adapter = { r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'up_proj'] };
    const settings = { n_epochs: 12, batch_size: 8, learning_rate: 0.005, threads: 1, prompt_dropout: 0, save_steps: 30 };
    const body = { model: base, training_file: await upload(rows), seed: 3, extensions: { ...settings, adapter } };
    run = await ended((await call<{ id: string }>('/v1/fine_tuning/jobs', body)).id);
    model = run.fine_tuned_model!;
  }, 300_000);
  afterAll(async () => {
    await test?.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });

  it('answers as it was trained: equal prompts, the same token wherever it is no tie', async () => {
    const found = await until(async () => {
      const parity = ParityCertificate.parse(await call(`${pathOf(model)}/parity`));
      return parity.measured_at === null ? null : parity;
    });
    console.info(JSON.stringify({ ...found, differences: found.differences.slice(0, 3) }));
    expect(found).toMatchObject({ state: 'passed', reason: null, weights: 'F16', is_quantised: false, prompts: 50, equal_prompts: 50 });
    expect(found.agreeing_decided_places).toBe(found.decided_places);
    expect(found.decided_places).toBeGreaterThan(100);
    expect(found.largest_difference!).toBeLessThan(found.largest_allowed!);
  });

  it.each([
    ['an adapter of twice its strength', 'alpha2'],
    ['an adapter a quarter stronger', 'alpha1.25'],
    ['an adapter whose heads are in the order of the other side', 'heads'],
  ])('fails %s', async (_, fault) => {
    const { state, reason } = await measureFaulty({ adapter: (folder) => plantFault(folder, fault) });
    expect(state).toBe('failed');
    expect(reason).toMatch(/tokens are others|log-probabilit/);
  });

  it('fails a chat template that is another than the one of the training', async () => {
    const { state, reason, differences } = await measureFaulty({
      template: (text) => text.replace('{{ m.role }}: ', '{{ m.role }} - '),
    });
    expect(state).toBe('failed');
    expect(reason).toMatch(/^50 prompts have other token ids/);
    expect(differences[0]).toMatchObject({ kind: 'prompt' });
  });

  /** Measures with something planted on the serving side. */
  async function measureFaulty(fault: { adapter?: (folder: string) => string; template?: (text: string) => string }) {
    const { engines, versions, files, training } = test.app;
    const { served, entry: found, modelDir } = await resolveModel(versions, project, model);
    const adapterDir = join(data, 'runs', run.id, 'adapter');
    const changedDir = join(data, 'changed-model');
    cpSync(modelDir, changedDir, { recursive: true });
    const template = join(changedDir, 'chat_template.jinja');
    if (fault.template) writeFileSync(template, fault.template(readFileSync(template, 'utf8')));
    const file = fault.adapter ? fault.adapter(adapterDir) : served.adapter!.file;
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    const measured = await measureParity(
      {
        engine: engines.of(found),
        served: { ...served, id: `${model}-changed`, adapter: { file, sha256 } },
        modelDir: changedDir,
        template: 'model',
        trainedModelDir: modelDir,
        trainedTemplate: null,
        adapterDir,
        prompts: await parityPrompts(files, project, { training_file: run.training_file, validation_file: null }),
        limits: limitsOf(await ggufWeights(served.baseFile!)),
        score: (task) => training.launcher.score(task),
      },
      never,
    );
    return { ...measured, state: measured.failure === null ? 'passed' : 'failed', reason: measured.failure };
  }

  /** The worker's own export with one thing wrong: a file of each fault, all made at once, for the imports take longest. */
  function plantFault(adapterDir: string, fault: string): string {
    const file = (name: string): string => join(data, `${name}.gguf`);
    if (existsSync(file(fault))) return file(fault);
    const script = `
import json, sys
from pathlib import Path
import safetensors.torch
from transformers import AutoConfig
import worker.export_gguf as export
folder, model, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
alpha = json.loads((folder / "adapter_config.json").read_text())["lora_alpha"]
tensors = safetensors.torch.load_file(folder / "adapter_model.safetensors")
config = AutoConfig.from_pretrained(model)
export.export_adapter(tensors, config, alpha * 2, out / "alpha2.gguf")
export.export_adapter(tensors, config, alpha * 1.25, out / "alpha1.25.gguf")
export._ARCHITECTURES = {**export._ARCHITECTURES, "llama": (export._ARCHITECTURES["llama"][0], export._as_is)}
export.export_adapter(tensors, config, alpha, out / "heads.gguf")
`;
    execFileSync(test.app.config.python, ['-c', script, adapterDir, join(data, 'models', base, 'model'), data], { cwd: projectRoot });
    return file(fault);
  }

  it('has a receipt that names all it was made of', async () => {
    const receipt = ModelReceipt.parse(await call(`${pathOf(model)}/receipt`));
    expect(receipt).toMatchObject({
      model,
      kind: 'adapter',
      base: { model: base },
      training: { filename: 'rows.jsonl', sha256: createHash('sha256').update(rows).digest('hex'), rows: 40 },
      validation: null,
      seed: 3,
      threads: 1,
      precision: 'fp32',
      run: { id: run.id, attempts: 1, stopped_early: false },
      parity: { model },
    });
    expect(receipt.environment!.packages).toMatchObject({ torch: expect.any(String), peft: expect.any(String) });
    expect(receipt.artifact.files.map(({ path }) => path)).toContain('adapter.gguf');
    const checkpoint = ModelReceipt.parse(await call(`${pathOf(`${model}:ckpt-step-30`)}/receipt`));
    expect(checkpoint).toMatchObject({ kind: 'checkpoint', step: 30, training: receipt.training });
    expect(checkpoint.artifact.adapter_sha256).not.toBe(receipt.artifact.adapter_sha256);
  });

  it('is made again from its receipt, byte for byte', async () => {
    const file = join(data, 'receipt.json');
    writeFileSync(file, (await cli(['run', 'receipt', model, '--json'])).stdout);
    const replayed = await cli(['run', 'replay', file, '--json']);
    expect(JSON.parse(replayed.stdout.split('\n').findLast((line) => line !== '')!)).toMatchObject({ equal: true, differences: [] });
    expect(replayed.exitCode).toBe(0);
  });

  it('is not replayed from a receipt that was changed, nor from other rows', async () => {
    const receipt = await call<ModelReceipt>(`${pathOf(model)}/receipt`);
    const changed = { ...receipt, seed: 4 };
    const refused = (body: object) => test.call('/api/v1/training/replays', { body });
    expect(await (await refused({ receipt: changed })).json()).toMatchObject({ error: { code: 'invalid_request', param: 'receipt' } });
    const other = await upload(rows.replace('yes.', 'never.'));
    expect(await (await refused({ receipt, training_file: other })).json()).toMatchObject({ error: { param: 'training_file' } });
    const again = await call<TrainingReplay>('/api/v1/training/replays', { receipt, training_file: await upload(rows) });
    expect(again.expected_sha256).toBe(receipt.artifact.adapter_sha256);
    await call(`/v1/fine_tuning/jobs/${again.run.id}/cancel`, undefined, 'POST');
  });

  it('shows one flipped byte in any of its files', async () => {
    const whole = ModelVerification.parse(await call(`${pathOf(model)}/verify`, undefined, 'POST'));
    expect(whole.files.filter(({ problem }) => problem !== null)).toEqual([]);
    const folders = [join(data, 'runs', run.id, 'adapter'), join(data, 'models', base, 'model'), join(data, 'models', base)];
    const kept = ['verified.txt'];
    for (const folder of folders) {
      for (const name of readdirSync(folder, { withFileTypes: true }).flatMap((one) => (one.isFile() ? [one.name] : []))) {
        if (kept.includes(name) || (folder === folders[2] && name === 'manifest.json')) continue;
        const file = join(folder, name);
        copyFileSync(file, `${file}.before`);
        const bytes = readFileSync(file);
        const place = Math.floor(bytes.length / 2);
        bytes[place] = bytes[place]! ^ 1;
        writeFileSync(file, bytes);
        const found = await call<ModelVerification>(`${pathOf(model)}/verify`, undefined, 'POST');
        expect([name, found.ok, found.files.filter(({ problem }) => problem !== null).map(({ path }) => path.split('/').at(-1))]).toEqual([
          name,
          false,
          [name],
        ]);
        copyFileSync(`${file}.before`, file);
        rmSync(`${file}.before`);
      }
    }
    expect(await cli(['model', 'verify', model])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✓') });
  });
});
