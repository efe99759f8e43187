/** Trained and served are the same: parity, receipt, replay and verification of a small model that the real worker has trained. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ParityCertificate } from '#contract/parity.ts';
import { ModelReceipt, ModelVerification, type TrainingReplay } from '#contract/receipt.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import type { TestServer } from '#platform/api/test-server.ts';
import { projectRoot } from '#platform/config.ts';
import { limitsOf } from '#platform/evaluation/parity-limits.ts';
import { measureParity } from '#platform/evaluation/measure-parity.ts';
import { parityPrompts } from '#platform/evaluation/parity-prompts.ts';
import { ggufWeights } from '#platform/models/gguf-weights.ts';
import { resolveModel } from '#platform/models/versions.ts';
import { until } from './running-platform.ts';
import { base, modelPath, rows, startTunedTiny, type TunedTiny } from './tuned-tiny.ts';

const project = 'proj_default';
const never = new AbortController().signal;

describe('a small model, trained and served', { timeout: 300_000 }, () => {
  let tuned: TunedTiny;
  let test: TestServer;
  let data: string;
  let run: TrainingRun;
  let model: string;
  const call: TunedTiny['call'] = (...words) => tuned.call(...words);

  beforeAll(async () => {
    tuned = await startTunedTiny();
    ({ test, data, run, model } = tuned);
  }, 300_000);
  afterAll(() => tuned?.close());

  it('answers as it was trained: equal prompts, the same token wherever it is no tie', async () => {
    const found = await until(async () => {
      const parity = ParityCertificate.parse(await call(`${modelPath(model)}/parity`));
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
    // A folder of its own each time: what is known of a template is kept for a moment.
    const changedDir = mkdtempSync(join(data, 'changed-model-'));
    cpSync(modelDir, changedDir, { recursive: true });
    const template = join(changedDir, 'chat_template.jinja');
    if (fault.template) writeFileSync(template, fault.template(readFileSync(template, 'utf8')));
    const file = fault.adapter ? fault.adapter(adapterDir) : served.adapter!.file;
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    const measured = await measureParity(
      {
        engine: engines.of(found, served),
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
    const receipt = ModelReceipt.parse(await call(`${modelPath(model)}/receipt`));
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
    const checkpoint = ModelReceipt.parse(await call(`${modelPath(`${model}:ckpt-step-30`)}/receipt`));
    expect(checkpoint).toMatchObject({ kind: 'checkpoint', step: 30, training: receipt.training });
    expect(checkpoint.artifact.adapter_sha256).not.toBe(receipt.artifact.adapter_sha256);
  });

  it('is made again from its receipt, byte for byte', async () => {
    const file = join(data, 'receipt.json');
    writeFileSync(file, (await tuned.cli(['run', 'receipt', model, '--json'])).stdout);
    const replayed = await tuned.cli(['run', 'replay', file, '--json']);
    expect(JSON.parse(replayed.stdout.split('\n').findLast((line) => line !== '')!)).toMatchObject({ equal: true, differences: [] });
    expect(replayed.exitCode).toBe(0);
  });

  it('is not replayed from a receipt that was changed, nor from other rows', async () => {
    const receipt = await call<ModelReceipt>(`${modelPath(model)}/receipt`);
    const changed = { ...receipt, seed: 4 };
    const refused = (body: object) => test.call('/api/v1/training/replays', { body });
    expect(await (await refused({ receipt: changed })).json()).toMatchObject({ error: { code: 'invalid_request', param: 'receipt' } });
    const other = await tuned.upload(rows.replace('yes.', 'never.'));
    expect(await (await refused({ receipt, training_file: other })).json()).toMatchObject({ error: { param: 'training_file' } });
    const again = await call<TrainingReplay>('/api/v1/training/replays', { receipt, training_file: await tuned.upload(rows) });
    expect(again.expected_sha256).toBe(receipt.artifact.adapter_sha256);
    await call(`/v1/fine_tuning/jobs/${again.run.id}/cancel`, undefined, 'POST');
  });

  it('shows one flipped byte in any of its files', async () => {
    const whole = ModelVerification.parse(await call(`${modelPath(model)}/verify`, undefined, 'POST'));
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
        const found = await call<ModelVerification>(`${modelPath(model)}/verify`, undefined, 'POST');
        expect([name, found.ok, found.files.filter(({ problem }) => problem !== null).map(({ path }) => path.split('/').at(-1))]).toEqual([
          name,
          false,
          [name],
        ]);
        copyFileSync(`${file}.before`, file);
        rmSync(`${file}.before`);
      }
    }
    expect(await tuned.cli(['model', 'verify', model])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✓') });
  });
});
