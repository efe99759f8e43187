import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { byteLevelModel, writeFiles } from '#platform/models/test-model.ts';
import type { ServedVersion } from '../engine.ts';
import { describeEngine } from './conformance.ts';
import { engines } from './index.ts';
import type { TransformersEngine } from './transformers.ts';

const folder = mkdtempSync(join(tmpdir(), 'transformers-'));
writeFiles(folder, byteLevelModel());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const version: ServedVersion = { id: 'tiny', base: 'tiny', baseFile: null, modelDir: folder, adapter: null };
const python = join(projectRoot, '.venv/bin/python');
const open = async (options: object = {}): Promise<TransformersEngine> =>
  (await openDriver(engines, { driver: 'transformers', python, root: projectRoot, threads: 1, ...options })) as TransformersEngine;

if (existsSync(python)) describeEngine('transformers', { open, version, prompt: 'once upon a time', longPrompt: 'tell me more' });

describe('the transformers engine, before its process is asked', () => {
  it('refuses trained weights that are not what their hash says, and a model without a folder', async () => {
    const engine = await open();
    const adapter = { file: join(folder, 'model.safetensors'), sha256: '0'.repeat(64) };
    await expect(engine.load({ ...version, id: 'ft:changed', adapter })).rejects.toMatchObject({ code: 'artifact_corrupt' });
    const { modelDir: _, ...nowhere } = version;
    await expect(engine.load(nowhere)).rejects.toMatchObject({ code: 'engine_failed' });
    expect(engine.pid).toBeNull();
    await engine.close();
  });
});
