/** Before an adapter is served: are its files what the run committed, and is it of these weights? */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ArtifactManifest } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { knownFileSha256 } from '#platform/core/file-sha256.ts';

/** What a version's row vouches for. */
interface Vouched {
  id: string;
  manifest_sha256: string;
  adapter_sha256: string;
}

/** Adapters this process has found whole, by file, hash and time of last change: one is looked at again once it was touched. */
const verified = new Set<string>();
const mostRemembered = 10_000;

/** Throws `artifact_corrupt`: a file is missing or damaged, or the adapter was trained on other weights. */
export async function verifyAdapter(file: string, version: Vouched, baseSha256: string): Promise<void> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  if (!found) throw corrupt(version, `${file} is missing`);
  const key = [file, version.manifest_sha256, version.adapter_sha256, baseSha256, found.size, found.mtimeNs].join(' ');
  if (verified.has(key)) return;
  const manifest = await readManifest(dirname(file), version);
  if (manifest.base_sha256 !== baseSha256) {
    throw corrupt(version, `it was trained on other weights of ${manifest.base_model} than those on this machine`);
  }
  if ((await knownFileSha256(file)) !== version.adapter_sha256) throw corrupt(version, `${file} is damaged, its SHA-256 differs`);
  if (verified.size >= mostRemembered) verified.clear();
  verified.add(key);
}

async function readManifest(folder: string, version: Vouched): Promise<ArtifactManifest> {
  const path = join(folder, 'manifest.json');
  const text = await readFile(path).catch((cause: unknown) => {
    throw corrupt(version, `${path} cannot be read`, cause);
  });
  if (createHash('sha256').update(text).digest('hex') !== version.manifest_sha256)
    throw corrupt(version, `${path} has changed since the run committed it`);
  return ArtifactManifest.parse(JSON.parse(text.toString('utf8')));
}

function corrupt(version: Vouched, reason: string, cause?: unknown): PlatformError {
  return new PlatformError(
    'artifact_corrupt',
    `the model "${version.id}" is not served: ${reason}. Use another checkpoint of its run, or train it again`,
    { cause },
  );
}
