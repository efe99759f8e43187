/** The manifest of a base model: written last, it vouches for every file by size and SHA-256. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ArtifactFile } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';

const ModelManifest = z.object({
  version: z.literal(1),
  id: z.string(),
  /** Of the lines `<sha256>  <path>` of all files in model/, sorted by path. */
  base_sha256: z.string(),
  files: z.array(ArtifactFile),
});
export type ModelManifest = z.output<typeof ModelManifest>;

export async function writeManifest(folder: string, id: string): Promise<ModelManifest> {
  const paths = readdirSync(join(folder, 'model'))
    .map((name) => `model/${name}`)
    .sort();
  if (existsSync(join(folder, 'base.gguf'))) paths.push('base.gguf');
  const files = [];
  for (const path of paths) files.push({ path, size: (await stat(join(folder, path))).size, sha256: await fileSha256(join(folder, path)) });
  const lines = files.filter((file) => file.path !== 'base.gguf').map((file) => `${file.sha256}  ${file.path}\n`);
  const manifest: ModelManifest = { version: 1, id, base_sha256: createHash('sha256').update(lines.join('')).digest('hex'), files };
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeStamp(folder, manifest);
  return manifest;
}

export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, 'manifest.json');
  try {
    return ModelManifest.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new PlatformError('artifact_corrupt', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Throws `artifact_corrupt`, ending in `remedy`, when a file is not what the manifest vouches for. Files that have not been touched
 * since they were last hashed are taken as they are: hashing 13 GB at every start would take half a minute.
 */
export async function verifyModel(folder: string, manifest: ModelManifest, remedy: string): Promise<void> {
  if ((await readStamp(folder)) === (await stampOf(folder, manifest))) return;
  for (const file of manifest.files) {
    const path = join(folder, file.path);
    const found = await stat(path).catch(() => null);
    const wrong = found === null ? 'is missing' : found.size !== file.size ? `has ${found.size} bytes instead of ${file.size}` : null;
    if (wrong) throw new PlatformError('artifact_corrupt', `${path} ${wrong}: ${remedy}`);
    if ((await fileSha256(path)) !== file.sha256)
      throw new PlatformError('artifact_corrupt', `${path} is damaged, its SHA-256 differs: ${remedy}`);
  }
  await writeStamp(folder, manifest);
}

/** Path, size and time of last change of each file; '' stands for a missing one. */
async function stampOf(folder: string, manifest: ModelManifest): Promise<string> {
  const lines = manifest.files.map(async (file) => {
    const found = await stat(join(folder, file.path), { bigint: true }).catch(() => null);
    return `${file.path} ${file.sha256} ${found ? `${found.size} ${found.mtimeNs}` : ''}\n`;
  });
  return (await Promise.all(lines)).join('');
}

async function readStamp(folder: string): Promise<string | null> {
  return readFile(join(folder, 'verified.txt'), 'utf8').catch(() => null);
}

async function writeStamp(folder: string, manifest: ModelManifest): Promise<void> {
  const path = join(folder, 'verified.txt');
  await writeFile(`${path}.half`, await stampOf(folder, manifest));
  await rename(`${path}.half`, path);
}
