/** One pull, from an empty folder to a model that is whole: fetched, checked, converted, committed by one rename. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ModelEntry } from '#contract/model.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { lockFile } from '#platform/storage/file-lock.ts';
import { syncTree } from '#platform/storage/sync-tree.ts';
import { convertToGguf, convertToSafetensors } from './convert-weights.ts';
import { writeManifest } from './model-manifest.ts';
import { refuseCode } from './refuse-code.ts';
import type { PullProgress } from './source.ts';
import { sources } from './sources/index.ts';

export interface FetchContext {
  hub: string;
  hubToken: string | null;
  python: string;
}

/** Makes `folder` from the entry's source, by way of a folder beside it that a broken pull leaves for the next one to go on with. */
export async function fetchModel(
  context: FetchContext,
  entry: ModelEntry,
  folder: string,
  onProgress: (progress: PullProgress) => void,
): Promise<void> {
  const work = join(dirname(folder), '.pulling', basename(folder));
  mkdirSync(work, { recursive: true });
  const lock = lockFile(`${work}.lock`);
  if (!lock) throw new PlatformError('invalid_state', `"${entry.id}" is being pulled by another process: wait for that one to end`);
  try {
    const { source } = await sources[entry.source.type]!();
    await source.fetch(entry.source, work, { hub: context.hub, hubToken: context.hubToken, onProgress });
    await complete(context, entry, work, onProgress);
    onProgress({ phase: 'check', message: 'checking the files', done_bytes: null, total_bytes: null });
    await writeManifest(work, entry.id);
    syncTree(work);
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
    syncTree(dirname(folder), { deep: false });
  } catch (error) {
    throw isDiskFull(error) ? diskFull(entry, error) : error;
  } finally {
    lock.release();
  }
}

/** Of weights to train and weights to serve, a source gives one: the other is made from it. */
async function complete(
  { python }: FetchContext,
  entry: ModelEntry,
  work: string,
  onProgress: (progress: PullProgress) => void,
): Promise<void> {
  const [model, gguf] = [join(work, 'model'), join(work, 'base.gguf')];
  const convert = (message: string) => onProgress({ phase: 'convert', message, done_bytes: null, total_bytes: null });
  if (!existsSync(model)) {
    convert('making weights to train');
    await convertToSafetensors(python, gguf, model);
  }
  // A refused model is refused again, whatever is pulled later: nothing of it stays.
  await refuseCode(model, entry.id).catch((error: unknown) => {
    rmSync(work, { recursive: true, force: true });
    throw error;
  });
  if (!existsSync(gguf)) {
    convert('making weights to serve');
    await convertToGguf(python, model, gguf, (why) => convert(`${entry.id} can be trained but not served here: ${why}`));
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function diskFull(entry: ModelEntry, cause: unknown): PlatformError {
  return new PlatformError(
    'disk_full',
    `the disk filled up while "${entry.id}" was pulled: free some space and pull it again, it goes on from there`,
    { cause },
  );
}
