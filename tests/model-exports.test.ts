/** A tuned model in the forms that other programs load: merged, quantised by the engine's own library, fetched, and asked. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelExport, ModelExportList } from '#contract/model-export.ts';
import type { ErrorBody } from '#contract/errors.ts';
import type { ServedVersion } from '#platform/inference/engine.ts';
import { greedyRequest } from '#platform/inference/greedy-request.ts';
import { renderChat } from '#platform/inference/render-chat.ts';
import { ggufWeights } from '#platform/models/gguf-weights.ts';
import { resolveModel } from '#platform/models/versions.ts';
import { until } from './running-platform.ts';
import { modelPath, startTunedTiny, type TunedTiny } from './tuned-tiny.ts';

const never = new AbortController().signal;

describe('a tuned model, exported', { timeout: 300_000 }, () => {
  let tuned: TunedTiny;
  let tunedAnswer: string;
  let baseAnswer: string;
  const exportsPath = (): string => `${modelPath(tuned.model)}/exports`;

  beforeAll(async () => {
    tuned = await startTunedTiny({ PARITY: 'false' });
    const { served } = await resolveModel(tuned.test.app.versions, 'proj_default', tuned.model);
    tunedAnswer = await answerOf(served);
    baseAnswer = await answerOf({ ...served, id: 'base', adapter: null });
  }, 300_000);
  afterAll(() => tuned?.close());

  /** What the engine says to one question of the training file. */
  async function answerOf(version: ServedVersion): Promise<string> {
    const { engines, config } = tuned.test.app;
    const prompt = await renderChat(
      join(config.data, 'models', 'tiny', 'model'),
      [{ role: 'user', content: 'who ran now ?' }],
      [],
      'model',
    );
    await engines.main.load(version);
    let text = '';
    const ids = await engines.main.tokenize(version, prompt, 'rendered');
    for await (const event of engines.main.generate(greedyRequest(version, ids, 12), never))
      if (event.type === 'text-delta') text += event.text;
    return text;
  }

  it.each([
    ['gguf-f16', 'F16'],
    ['gguf-q8_0', 'Q8_0'],
    ['gguf-q4_k_m', 'Q4_K_M'],
  ] as const)('%s: the engine loads the fetched file and answers with it', async (form, weights) => {
    const folder = join(tuned.data, `fetched-${form}`);
    const { stdout, exitCode } = await tuned.cli(['model', 'export', tuned.model, '--form', form, '-o', folder, '--json']);
    expect(exitCode).toBe(0);
    const made = ModelExport.parse(JSON.parse(stdout));
    expect(made).toMatchObject({ model: tuned.model, form, state: 'ready', failure: null });
    expect(made.files).toHaveLength(1);
    const [file] = made.files;
    const path = join(folder, file!.path);
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(file!.sha256);
    expect((await ggufWeights(path)).name).toBe(weights);
    const answer = await answerOf({ id: form, base: form, baseFile: path, adapter: null });
    // Fewer bits of a model this small need not give the same words.
    expect(tunedAnswer).not.toBe(baseAnswer);
    if (form === 'gguf-f16') expect(answer).toBe(tunedAnswer);
    else expect(answer).not.toBe('');
  });

  it('in fewer bits, calibrated on the rows of its run: weights that vLLM and transformers know, and no work is left beside them', async () => {
    const { stdout, exitCode } = await tuned.cli(['model', 'quantize', tuned.model, '--method', 'gptq', '--json']);
    expect(exitCode, stdout).toBe(0);
    const made = ModelExport.parse(JSON.parse(stdout));
    const config = JSON.parse(readFileSync(join(made.path!, 'config.json'), 'utf8')) as { quantization_config: object };
    expect(config.quantization_config).toMatchObject({ quant_method: 'gptq', bits: 4, group_size: 64 });
    const left = readdirSync(made.path!, { recursive: true, encoding: 'utf8' });
    expect([...left].sort()).toEqual(['manifest.json', ...made.files.map(({ path }) => path)].sort());
    expect((await tuned.cli(['model', 'exports', tuned.model, '--rm', 'gptq-int4'])).exitCode).toBe(0);
  });

  it('is merged into a folder on the machine of the platform, listed, and gone once it is removed', async () => {
    const { stdout, exitCode } = await tuned.cli(['model', 'merge', tuned.model]);
    expect(exitCode).toBe(0);
    const { data } = ModelExportList.parse(await tuned.call(exportsPath()));
    expect(data.map(({ form }) => form)).toEqual(['safetensors', 'gguf-q4_k_m', 'gguf-q8_0', 'gguf-f16']);
    const merged = data.find(({ form }) => form === 'safetensors')!;
    expect(stdout).toContain(merged.path!);
    expect(readdirSync(merged.path!)).toEqual(expect.arrayContaining(['model.safetensors', 'tokenizer.json', 'manifest.json']));
    expect((await tuned.cli(['model', 'exports', tuned.model, '--rm', 'safetensors'])).exitCode).toBe(0);
    expect(existsSync(merged.path!)).toBe(false);
    const gone = await tuned.test.call(`${exportsPath()}/safetensors`);
    expect([gone.status, ((await gone.json()) as ErrorBody).error.code]).toEqual([404, 'export_not_found']);
  });

  it('is not made twice, and only files of its manifest can be read', async () => {
    const first = await tuned.call<ModelExport>(`${exportsPath()}/gguf-f16`);
    expect(await tuned.call<ModelExport>(exportsPath(), { form: 'gguf-f16' })).toEqual(first);
    const read = async (path: string) => (await tuned.test.call(`${exportsPath()}/gguf-f16/files/${encodeURIComponent(path)}`)).status;
    expect([await read(first.files[0]!.path), await read('manifest.json'), await read('../../../../key')]).toEqual([200, 404, 404]);
  });

  it('that is removed while it is made is ended, and leaves nothing', async () => {
    await tuned.call(exportsPath(), { form: 'safetensors' });
    await tuned.call(`${exportsPath()}/safetensors`, undefined, 'DELETE');
    const folder = join(tuned.data, 'exports', 'proj_default');
    const left = (): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /safetensors|progress/.test(name));
    await until(async () => (await tuned.call<ModelExport>(exportsPath(), { form: 'safetensors' })).state === 'ready');
    await tuned.call(`${exportsPath()}/safetensors`, undefined, 'DELETE');
    expect(left()).toEqual([]);
  });

  it('goes with its model', async () => {
    await tuned.call(`/v1/models/${encodeURIComponent(tuned.model)}`, undefined, 'DELETE');
    expect(
      readdirSync(join(tuned.data, 'exports', 'proj_default'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.includes('gguf'),
      ),
    ).toEqual([]);
    expect((await tuned.test.call(exportsPath(), { body: { form: 'gguf-f16' } })).status).toBe(404);
  });
});
