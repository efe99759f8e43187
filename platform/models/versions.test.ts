import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Insertable } from 'kysely';
import { beforeAll, expect, it } from 'vitest';
import type { ArtifactManifest } from '#contract/worker.ts';
import type { ModelVersionTable } from '#platform/storage/tables.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { modelFolder, openBaseModels } from './base-models.ts';
import { installTinyModel } from './test-model.ts';
import { deleteVersion, listVersions, registerVersion, resolveModel, type Versions } from './versions.ts';

const project = 'proj_default';
const base = 'smollm2-135m-instruct';

describeDatabases('model versions', (database) => {
  let versions: Versions;
  let baseSha256: string;
  let ggufFile: string;
  beforeAll(async () => {
    const { db } = database.current;
    const dataDir = database.settings.data;
    const baseModels = openBaseModels({ data: dataDir, hub: 'http://127.0.0.1:1', hub_token: undefined, python: 'python3' });
    baseSha256 = await installTinyModel(modelFolder(baseModels, base), base);
    ggufFile = join(modelFolder(baseModels, base), 'base.gguf');
    versions = { db, dataDir, baseModels };
    await db.insertInto('projects').values({ id: 'proj_other', name: 'other' }).execute();
  });

  /** A run with one adapter on the disk and in its row, as the worker and the training room leave them. */
  const makeVersion = async (
    name: string,
    more: Partial<Insertable<ModelVersionTable>> & { state?: 'running' | 'succeeded'; base_sha256?: string } = {},
  ) => {
    const { state = 'succeeded', base_sha256 = baseSha256, ...columns } = more;
    const run_id = `ftjob-${name}`;
    const run = {
      id: run_id,
      project_id: project,
      state,
      base_model: base,
      training_file: 'file-x',
      validation_file: null,
      suffix: null,
      seed: 1,
    };
    await versions.db
      .insertInto('runs')
      .values({ ...run, metadata: '{}', config: '{}', idempotency_key: null, request_sha256: null })
      .execute();
    const path = `runs/${run_id}/adapter`;
    const folder = join(versions.dataDir, path);
    mkdirSync(folder, { recursive: true });
    const adapter = Buffer.from(`GGUF of ${name}`);
    const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
    const files = [{ path: 'adapter.gguf', size: adapter.length, sha256: sha256(adapter) }];
    const manifest: ArtifactManifest = {
      version: 1,
      kind: 'adapter',
      run_id,
      attempt: 1,
      step: 4,
      base_model: base,
      base_sha256,
      config_sha256: 'c',
      files,
    };
    writeFileSync(join(folder, 'adapter.gguf'), adapter);
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const id = `ft:${base}:default::${name}`;
    const hashes = { manifest_sha256: sha256(JSON.stringify(manifest)), adapter_sha256: sha256(adapter) };
    const row = { id, project_id: project, base_model: base, run_id, step: 4, is_final: true, path, ...hashes, ...columns };
    await registerVersion(versions, row);
    return { id, row, folder };
  };

  it('resolve to their adapter on its base, and a base model to itself', async () => {
    const { id, row, folder } = await makeVersion('one');
    const { served, entry, modelDir } = await resolveModel(versions, project, id);
    const adapter = { file: join(folder, 'adapter.gguf'), sha256: row.adapter_sha256 };
    expect(served).toEqual({ id, base, baseFile: ggufFile, modelDir, adapter });
    expect(entry.id).toBe(base);
    expect(existsSync(join(modelDir, 'tokenizer.json'))).toBe(true);
    expect((await resolveModel(versions, project, base)).served).toEqual({ id: base, base, baseFile: ggufFile, modelDir, adapter: null });
    expect((await resolveModel(versions, project, 'scripted')).served).toEqual({
      id: 'scripted',
      base: 'scripted',
      baseFile: null,
      modelDir: '',
      adapter: null,
    });
  });

  it('are unknown to another project, and close names are offered', async () => {
    const { id } = await makeVersion('mine');
    for (const call of [resolveModel, deleteVersion])
      await expect(call(versions, 'proj_other', id)).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(resolveModel(versions, 'proj_other', id)).rejects.not.toThrow(/did you mean "ft:/);
    expect(await listVersions(versions, 'proj_other')).toEqual([]);
    await expect(resolveModel(versions, project, `${id.slice(0, -1)}X`)).rejects.toThrow(`did you mean "${id}"`);
    await expect(resolveModel(versions, project, 'gpt-j-6')).rejects.toThrow(/did you mean "gpt-j-6b"/);
  });

  it.each([
    ['a bit of the adapter', 'adapter.gguf', /adapter\.gguf is damaged/],
    ['the manifest', 'manifest.json', /manifest\.json has changed/],
  ])('are not served once %s has changed, whether or not they were served before', async (_, file, reason) => {
    const { id, folder } = await makeVersion(`changed-${file}`);
    await resolveModel(versions, project, id);
    const bytes = readFileSync(join(folder, file));
    bytes[5]! ^= 1;
    // The adapter is looked at again because it was touched; the manifest when the adapter is.
    writeFileSync(join(folder, file), bytes);
    if (file === 'manifest.json') writeFileSync(join(folder, 'adapter.gguf'), readFileSync(join(folder, 'adapter.gguf')));
    await expect(resolveModel(versions, project, id)).rejects.toMatchObject({ code: 'artifact_corrupt' });
    await expect(resolveModel(versions, project, id)).rejects.toThrow(reason);
  });

  it('are not served without their files, nor on other weights than their own', async () => {
    const { id, folder } = await makeVersion('gone');
    rmSync(folder, { recursive: true });
    await expect(resolveModel(versions, project, id)).rejects.toThrow(/adapter\.gguf is missing/);
    const other = await makeVersion('elsewhere', { base_sha256: '0'.repeat(64) });
    await expect(resolveModel(versions, project, other.id)).rejects.toThrow(/trained on other weights/);
  });

  it('are gone when deleted, by name and by file, and only then', async () => {
    const { id, folder } = await makeVersion('deleted');
    expect((await listVersions(versions, project)).map((row) => row.id)).toContain(id);
    await deleteVersion(versions, project, id);
    expect(existsSync(folder)).toBe(false);
    expect((await listVersions(versions, project)).map((row) => row.id)).not.toContain(id);
    for (const call of [resolveModel, deleteVersion])
      await expect(call(versions, project, id)).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('that are checkpoints of a run which may go on are kept', async () => {
    const { id, folder } = await makeVersion('needed', { is_final: false, state: 'running' });
    await expect(deleteVersion(versions, project, id)).rejects.toMatchObject({ code: 'invalid_state' });
    expect(existsSync(folder)).toBe(true);
    await versions.db.updateTable('runs').set({ state: 'failed' }).where('id', '=', 'ftjob-needed').execute();
    await deleteVersion(versions, project, id);
    expect(existsSync(folder)).toBe(false);
  });

  it('of a step that was trained again take the place of the first', async () => {
    const { row } = await makeVersion('again');
    const second = await registerVersion(versions, { ...row, adapter_sha256: 'b'.repeat(64) });
    expect(second).toMatchObject({ id: row.id, adapter_sha256: 'b'.repeat(64), deleted_at: null });
    expect((await listVersions(versions, project)).filter((one) => one.id === row.id)).toHaveLength(1);
  });
});
