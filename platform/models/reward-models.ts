/** The reward model that a training method names: found among the versions of a project, and whole. */
import { join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';
import { verifyAdapter } from './verify-adapter.ts';
import { getVersion, type Versions } from './versions.ts';

const param = 'extensions.method.reward_model';

/**
 * Its folder: adapter and head. Throws with `param`: `model_not_found`, `unsupported_value` for a model that gives answers, or one of
 * another base model; `artifact_corrupt`.
 */
export async function requireRewardModel(
  versions: Versions,
  projectId: string,
  id: string,
  base: { id: string; sha256: string },
): Promise<string> {
  const row = await getVersion(versions, projectId, id).catch((error: unknown) => {
    if (!(error instanceof PlatformError)) throw error;
    throw new PlatformError(error.code, `${param}: ${error.message}`, { param, cause: error });
  });
  if (row.method !== 'reward') {
    const message = `${param}: "${id}" gives answers and no scores; name a model that was trained by the method "reward"`;
    throw new PlatformError('unsupported_value', message, { param });
  }
  if (row.base_model !== base.id) {
    const message = `${param}: "${id}" scores what ${row.base_model} says, and this run trains ${base.id}; both stand on one base model`;
    throw new PlatformError('unsupported_value', message, { param });
  }
  const folder = join(versions.dataDir, row.path);
  // It was trained as a plain LoRA adapter: no other is taken for a reward model.
  await verifyAdapter(join(folder, 'adapter.gguf'), row, base.sha256);
  return folder;
}
