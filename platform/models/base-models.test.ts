import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { baseModelState, openBaseModels, pullModel, requireBaseModel, type BaseModels } from './base-models.ts';
import type { PullProgress } from './source.ts';
import { startTestHub, testRepository, type TestHub } from './test-hub.ts';
import { installTinyModel, tinyModel, writeFiles } from './test-model.ts';

const entry = { name: 'Tiny', architecture: 'llama', parameters: 110_000, layers: 2, context_length: 256, license: 'none', chat: true };
const rest = { memory_gb: { lora: 1, qlora: 1, inference: 1 }, target_modules: ['q_proj'] };

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'tuneloop-models-'));
  mkdirSync(join(data, 'catalog'));
});
afterEach(() => rmSync(data, { recursive: true }));

/** With one more catalogue entry, as an operator adds it: YAML reads JSON. */
function openWith(source: object, hub = 'http://127.0.0.1:1'): BaseModels {
  writeFileSync(join(data, 'catalog/tiny.yaml'), JSON.stringify({ id: 'acme/tiny', ...entry, source, ...rest }));
  return openBaseModels({ data, hub, hub_token: undefined, python: join(projectRoot, '.venv/bin/python') });
}

const pull = (models: BaseModels, seen: PullProgress[] = []) => pullModel(models, 'acme/tiny', (progress) => seen.push(progress));

describe('the catalogue', () => {
  it("knows the blueprint's models and the demo model, each with all that is asked of an entry", () => {
    const ids = openWith({ type: 'scripted' }).catalog.map((known) => known.id);
    const blueprint = [
      'llama-2-7b',
      'llama-2-13b',
      'llama-2-70b',
      'mistral-7b',
      'mixtral-8x7b',
      'gpt-j-6b',
      'falcon-7b',
      'falcon-40b',
      'vicuna-13b',
    ];
    for (const id of [...blueprint, 'smollm2-135m-instruct', 'scripted', 'acme/tiny']) expect(ids).toContain(id);
  });

  it('names the file and the field of a broken entry', () => {
    writeFileSync(join(data, 'catalog/broken.yaml'), 'id: broken\nname: 3\n');
    expect(() => openWith({ type: 'scripted' })).toThrow(/broken\.yaml: name: /);
    writeFileSync(join(data, 'catalog/broken.yaml'), 'id: [\n');
    expect(() => openWith({ type: 'scripted' })).toThrow(/broken\.yaml: /);
  });

  it('names the ids that come close to one that it does not know, and the command for one that is not here', async () => {
    const models = openWith({ type: 'scripted' });
    await expect(requireBaseModel(models, 'lama-2-7b')).rejects.toThrow(/did you mean "llama-2-7b"/);
    await expect(requireBaseModel(models, 'lama-2-7b')).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
    await expect(requireBaseModel(models, '../../etc')).rejects.toMatchObject({ code: 'model_not_found' });
    const absent = requireBaseModel(models, 'mistral-7b');
    await expect(absent).rejects.toMatchObject({ code: 'model_not_ready' });
    await expect(absent).rejects.toThrow('tuneloop model pull mistral-7b');
    expect(baseModelState(models, 'mistral-7b')).toBe('absent');
    expect(await requireBaseModel(models, 'scripted')).toMatchObject({ modelDir: '', ggufFile: null });
  });
});

// Two starts of Python with torch, 7 CPU-seconds each.
describe('a model that is pulled from a hub', { timeout: 120_000 }, () => {
  let hub: TestHub;
  beforeEach(async () => {
    hub = await startTestHub(tinyModel());
  });
  afterEach(() => hub.close());

  it('is there whole, with weights to train, weights to serve and a manifest, and is pulled once', async () => {
    const models = openWith({ type: 'hub', repo: testRepository }, hub.address);
    const seen: PullProgress[] = [];
    await Promise.all([pull(models, seen), pull(models)]);
    expect(baseModelState(models, 'acme/tiny')).toBe('ready');
    const { modelDir, ggufFile, baseSha256 } = await requireBaseModel(models, 'acme/tiny');
    expect(readdirSync(modelDir).sort()).toEqual(Object.keys(tinyModel()).sort());
    expect(readFileSync(ggufFile!).subarray(0, 4).toString()).toBe('GGUF');
    const manifest = JSON.parse(readFileSync(join(modelDir, '../manifest.json'), 'utf8'));
    expect(manifest.files.map((file: { path: string }) => file.path)).toEqual([
      ...readdirSync(modelDir)
        .sort()
        .map((name) => `model/${name}`),
      'base.gguf',
    ]);
    expect(baseSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(seen.map((progress) => progress.phase))).toEqual(new Set(['download', 'convert', 'check']));
    const requests = hub.requests.length;
    await pull(models);
    expect(hub.requests).toHaveLength(requests);
    expect(hub.requests.filter((request) => request.server === 'storage')).toHaveLength(1);
  });

  it('can be trained but not served when llama.cpp does not know its architecture', async () => {
    const config = { ...JSON.parse(tinyModel()['config.json']!.toString()), architectures: ['GPTJForCausalLM'] };
    hub.files['config.json'] = Buffer.from(JSON.stringify(config));
    const models = openWith({ type: 'hub', repo: testRepository }, hub.address);
    const seen: PullProgress[] = [];
    await pull(models, seen);
    expect(baseModelState(models, 'acme/tiny')).toBe('unsupported');
    expect((await requireBaseModel(models, 'acme/tiny')).ggufFile).toBeNull();
    expect(seen.map((progress) => progress.message).join('\n')).toMatch(/can be trained but not served here: .*GPTJForCausalLM/);
  });
});

describe('a model of a local folder', () => {
  it.each([
    ['a configuration that names code', { 'config.json': '{"auto_map": {"AutoModel": "evil.Model"}}' }, /config\.json has "auto_map"/],
    [
      'a tokenizer that names code',
      { 'tokenizer_config.json': '{"auto_map": {"AutoTokenizer": ["evil.T", null]}}' },
      /tokenizer_config\.json has "auto_map"/,
    ],
    ['trust asked for in a corner', { 'config.json': '{"text_config": {"inner": [{"trust_remote_code": true}]}}' }, /"trust_remote_code"/],
    ['a configuration that is no JSON', { 'config.json': '{' }, /config\.json is not valid JSON/],
  ])('with %s is refused, and leaves nothing', async (_, files, reason) => {
    const folder = join(data, 'given');
    writeFiles(folder, { ...tinyModel(), ...Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])) });
    const models = openWith({ type: 'local', path: folder });
    const refused = pull(models);
    await expect(refused).rejects.toMatchObject({ code: 'model_refused' });
    await expect(refused).rejects.toThrow(reason);
    expect(baseModelState(models, 'acme/tiny')).toBe('absent');
    expect(readdirSync(join(data, 'models/.pulling')).filter((name) => !name.endsWith('.lock'))).toEqual([]);
  });

  it('of pickles alone, or that is not there, is refused', async () => {
    const folder = join(data, 'given');
    writeFiles(folder, { 'config.json': Buffer.from('{}'), 'pytorch_model.bin': Buffer.from('pickle') });
    await expect(pull(openWith({ type: 'local', path: folder }))).rejects.toThrow(/pytorch_model\.bin/);
    await expect(pull(openWith({ type: 'local', path: join(data, 'none') }))).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(pull(openWith({ type: 'local', path: 'given' }))).rejects.toThrow(/absolute path/);
  });
});

describe('a model that is here', () => {
  it('is refused once a byte of it has changed, or a file is gone, and says which', async () => {
    const models = openWith({ type: 'hub', repo: testRepository });
    const folder = join(data, 'models/acme---tiny');
    const sha256 = await installTinyModel(folder, 'acme/tiny');
    expect((await requireBaseModel(models, 'acme/tiny')).baseSha256).toBe(sha256);
    const weights = join(folder, 'model/model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(weights, bytes);
    const damaged = requireBaseModel(models, 'acme/tiny');
    await expect(damaged).rejects.toMatchObject({ code: 'artifact_corrupt' });
    await expect(damaged).rejects.toThrow(/model\.safetensors is damaged.*tuneloop model pull acme\/tiny/);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(weights, bytes);
    await requireBaseModel(models, 'acme/tiny');
    rmSync(join(folder, 'model/tokenizer.json'));
    await expect(requireBaseModel(models, 'acme/tiny')).rejects.toThrow(/tokenizer\.json is missing/);
  });
});
