/** A model on this machine: a folder in the form of the hub, or one GGUF file. */
import { constants, existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';
import { chooseFiles } from '../choose-files.ts';
import { defineSource } from '../source.ts';

export const source = defineSource<'local'>({
  async fetch({ path }, folder, { onProgress }) {
    if (!isAbsolute(path) || !existsSync(path)) {
      throw new PlatformError(
        'model_not_found',
        `there is no ${path}: a local model is named by the absolute path of its folder or GGUF file`,
      );
    }
    await mkdir(folder, { recursive: true });
    if (statSync(path).isFile()) {
      if (!path.endsWith('.gguf')) throw new PlatformError('model_refused', `${path} is neither a folder nor a GGUF file`);
      return copyWhole(path, join(folder, 'base.gguf'));
    }
    const names = readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
    const { model, gguf } = chooseFiles(path, names);
    if (gguf !== null) return copyWhole(join(path, gguf), join(folder, 'base.gguf'));
    // What an earlier try copied may be of another state of the folder.
    await rm(join(folder, 'model'), { recursive: true, force: true });
    await mkdir(join(folder, 'model'));
    for (const name of model) {
      onProgress({ phase: 'download', message: `copying ${name}`, done_bytes: null, total_bytes: statSync(join(path, name)).size });
      await copyWhole(join(path, name), join(folder, 'model', name));
    }
  },
});

/** Shares the blocks where the file system can. */
async function copyWhole(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.half`, constants.COPYFILE_FICLONE);
  await rename(`${to}.half`, to);
}
