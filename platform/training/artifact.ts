/** Checks that a checkpoint or adapter is what its manifest vouches for. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { servedFileOf, type Adapter } from '#contract/adapter.ts';
import { ArtifactManifest } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { knownFileSha256 } from '#platform/core/file-sha256.ts';

/** The manifest of a folder whose every file was read and hashed. Throws `artifact_corrupt` that names a wrong file. */
export async function verifyArtifact(folder: string, manifestSha256: string): Promise<ArtifactManifest> {
  const manifest = await readArtifactManifest(folder, manifestSha256);
  await Promise.all(manifest.files.map((file) => verifyFile(join(folder, file.path), file)));
  return manifest;
}

/** What a folder should hold. Throws `artifact_corrupt` when it is not the manifest that the worker committed. */
export async function readArtifactManifest(folder: string, manifestSha256: string): Promise<ArtifactManifest> {
  const path = join(folder, 'manifest.json');
  const text = await readFile(path).catch((cause: unknown) => {
    throw new PlatformError('artifact_corrupt', `${path} cannot be read`, { cause });
  });
  if (createHash('sha256').update(text).digest('hex') !== manifestSha256) {
    throw new PlatformError('artifact_corrupt', `${path} has changed since the worker committed it`);
  }
  return ArtifactManifest.parse(JSON.parse(text.toString('utf8')));
}

/** SHA-256 of the file that engines load. Throws `artifact_corrupt` when the manifest has none. */
export function adapterSha256(manifest: ArtifactManifest, adapter: Adapter): string {
  const name = servedFileOf(adapter);
  const file = manifest.files.find((one) => one.path === name);
  if (!file) throw new PlatformError('artifact_corrupt', `The ${manifest.kind} of step ${manifest.step} has no ${name}`);
  return file.sha256;
}

async function verifyFile(path: string, expected: { size: number; sha256: string }): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new PlatformError('artifact_corrupt', `${path} is missing`, { cause });
  });
  if (found.size !== expected.size)
    throw new PlatformError('artifact_corrupt', `${path} has ${found.size} bytes instead of ${expected.size}`);
  if ((await knownFileSha256(path)) !== expected.sha256)
    throw new PlatformError('artifact_corrupt', `${path} is not what the worker wrote: its SHA-256 differs`);
}
