import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullProgress } from '../source.ts';
import { startTestHub, testRepository, type TestHub } from '../test-hub.ts';
import { tinyModel } from '../test-model.ts';
import { source } from './hub.ts';

describe('the hub source', () => {
  let hub: TestHub;
  let folder: string;
  beforeEach(async () => {
    hub = await startTestHub(tinyModel());
    folder = mkdtempSync(join(tmpdir(), 'tuneloop-hub-'));
  });
  afterEach(async () => {
    await hub.close();
    rmSync(folder, { recursive: true });
  });
  const fetchModel = (more: { gated?: boolean; token?: string; repo?: string; onProgress?: (progress: PullProgress) => void } = {}) =>
    source.fetch({ type: 'hub', repo: more.repo ?? testRepository, revision: 'main', gated: more.gated ?? false }, folder, {
      hub: hub.address,
      hubToken: more.token ?? null,
      onProgress: more.onProgress ?? (() => {}),
    });
  const fetched = (name: string) => readFileSync(join(folder, 'model', name));

  it('fetches weights and words and nothing else, by the commit, and tells how far it is', async () => {
    Object.assign(hub.files, {
      'README.md': Buffer.from('read me'),
      'pytorch_model.bin': Buffer.from('pickle'),
      'consolidated.safetensors': Buffer.from('twice'),
    });
    Object.assign(hub.files, { '../escape.json': Buffer.from('{}'), 'onnx/model.safetensors': Buffer.from('below') });
    const seen: PullProgress[] = [];
    await fetchModel({ onProgress: (progress) => seen.push(progress) });
    const names = Object.keys(tinyModel()).sort();
    expect(readdirSync(join(folder, 'model')).sort()).toEqual(names);
    for (const name of names) expect(fetched(name).equals(hub.files[name]!)).toBe(true);
    const total = Object.values(tinyModel()).reduce((sum, content) => sum + content.length, 0);
    expect(seen.at(-1)).toMatchObject({ phase: 'download', done_bytes: total, total_bytes: total });
    const done = seen.flatMap((progress) => progress.done_bytes ?? []);
    expect(done).toEqual(done.toSorted((left, right) => left - right));
  });

  it('sends the token to the hub, and not to where the hub sends it on', async () => {
    hub.token = 'hf_secret';
    await fetchModel({ token: 'hf_secret', gated: true });
    expect(new Set(hub.requests.map((request) => `${request.server} ${request.authorization}`))).toEqual(
      new Set(['hub Bearer hf_secret', 'storage undefined']),
    );
  });

  it('goes on where a connection broke off', async () => {
    hub.breakAfter = 150_000;
    await fetchModel();
    expect(fetched('model.safetensors').equals(hub.files['model.safetensors']!)).toBe(true);
    const ranges = hub.requests.filter((request) => request.server === 'storage').map((request) => request.range);
    expect(ranges).toHaveLength(3);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range!))).toBe(true);
  });

  it('goes on where an earlier pull gave up, and takes the whole file of a server that knows no ranges', async () => {
    hub.breakAfter = 0;
    await expect(fetchModel()).rejects.toMatchObject({ code: 'source_unreachable' });
    hub.breakAfter = 200_000;
    hub.knowsRanges = false;
    await expect(fetchModel()).rejects.toMatchObject({ code: 'source_unreachable' });
    expect(statSync(join(folder, 'model.incoming/model.safetensors.half')).size).toBeGreaterThan(0);
    hub.breakAfter = null;
    await fetchModel();
    expect(fetched('model.safetensors').equals(hub.files['model.safetensors']!)).toBe(true);
    expect(hub.requests.filter((request) => request.path.endsWith('/config.json'))).toHaveLength(1);
  });

  it('refuses a file of which one bit differs, and fetches it anew the next time', async () => {
    hub.damaged.add('model.safetensors');
    await expect(fetchModel()).rejects.toMatchObject({ code: 'artifact_corrupt' });
    expect(existsSync(join(folder, 'model'))).toBe(false);
    hub.damaged.clear();
    await fetchModel();
    expect(fetched('model.safetensors').equals(hub.files['model.safetensors']!)).toBe(true);
  });

  it('says what to do about a gated model, with a token and without', async () => {
    hub.token = 'hf_right';
    const stranger = fetchModel({ gated: true });
    await expect(stranger).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(stranger).rejects.toThrow(`accept its licence at ${hub.address}/${testRepository} first. Set HF_TOKEN`);
    await expect(fetchModel({ gated: true, token: 'hf_wrong' })).rejects.toThrow(/The token in HF_TOKEN has no access/);
    await expect(fetchModel({ gated: true, token: 'hf_wrong' })).rejects.not.toThrow(/hf_wrong/);
  });

  it('tells a repository that is not there from a hub that is not there', async () => {
    await expect(fetchModel({ repo: 'tiny/none' })).rejects.toMatchObject({ code: 'model_not_found' });
    const { address } = hub;
    hub.address = 'http://127.0.0.1:1';
    await expect(fetchModel()).rejects.toThrow(/http:\/\/127\.0\.0\.1:1 cannot be reached/);
    hub.address = `${address}/elsewhere`;
    await expect(fetchModel()).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('refuses a repository of pickles', async () => {
    delete hub.files['model.safetensors'];
    hub.files['pytorch_model.bin'] = Buffer.from('pickle');
    const refused = fetchModel();
    await expect(refused).rejects.toMatchObject({ code: 'model_refused' });
    await expect(refused).rejects.toThrow(/pytorch_model\.bin/);
    expect(hub.requests.some((request) => request.path.includes('pytorch_model.bin'))).toBe(false);
  });
});
