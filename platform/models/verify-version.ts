/** Reads every byte of a version and of its base model again: is it still what was committed? */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactManifest, type ArtifactFile } from '#contract/worker.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';
import { findEntry, modelFolder, type BaseModels } from './base-models.ts';
import { readManifest } from './model-manifest.ts';
import { getVersion, type VersionRow, type Versions } from './versions.ts';

export interface CheckedFile {
  path: string;
  bytes: number;
  /** Null when it is what was committed. */
  problem: string | null;
}

/** Every file of the version, then of its base. Throws `model_not_found`, `artifact_corrupt` when a base model's manifest cannot be read. */
export async function verifyVersion(versions: Versions, projectId: string, modelId: string): Promise<CheckedFile[]> {
  if (versions.baseModels.catalog.some(({ id }) => id === modelId)) return verifyBase(versions.baseModels, modelId);
  const version = await getVersion(versions, projectId, modelId);
  return [...(await verifyAdapterFiles(versions, version)), ...(await verifyBase(versions.baseModels, version.base_model))];
}

async function verifyBase(models: BaseModels, id: string): Promise<CheckedFile[]> {
  if (findEntry(models, id).source.type === 'scripted') return [];
  const folder = modelFolder(models, id);
  const { files } = await readManifest(folder);
  return checkFiles(folder, files, `models/${id}`);
}

/** The row vouches for the manifest, the manifest for its files. */
async function verifyAdapterFiles(versions: Versions, version: VersionRow): Promise<CheckedFile[]> {
  const folder = join(versions.dataDir, version.path);
  const name = `${version.path}/manifest.json`;
  const text = await readFile(join(folder, 'manifest.json')).catch(() => null);
  if (text === null) return [{ path: name, bytes: 0, problem: 'it cannot be read' }];
  const isWhole = createHash('sha256').update(text).digest('hex') === version.manifest_sha256;
  const checked = { path: name, bytes: text.length, problem: isWhole ? null : 'its SHA-256 is not the one that the run committed' };
  const manifest = ArtifactManifest.safeParse(isWhole ? JSON.parse(text.toString('utf8')) : null);
  return manifest.success ? [checked, ...(await checkFiles(folder, manifest.data.files, version.path))] : [checked];
}

async function checkFiles(folder: string, files: ArtifactFile[], shown: string): Promise<CheckedFile[]> {
  const checked: CheckedFile[] = [];
  for (const file of files)
    checked.push({ path: `${shown}/${file.path}`, bytes: file.size, problem: await problemOf(join(folder, file.path), file) });
  return checked;
}

async function problemOf(path: string, file: ArtifactFile): Promise<string | null> {
  try {
    const { size } = await stat(path);
    if (size !== file.size) return `it has ${size} bytes instead of ${file.size}`;
    return (await fileSha256(path)) === file.sha256 ? null : 'its SHA-256 is not the one that was committed';
  } catch (error) {
    return `it cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
}
