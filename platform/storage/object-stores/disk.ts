/** Objects as files of a folder on this machine. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { syncTree } from '../sync-tree.ts';

const options = z.object({ driver: z.literal('disk'), folder: z.string().min(1) });

export const driver = defineDriver<ObjectStore, typeof options>({
  options,
  open: async ({ folder }) => {
    // What an upload left that a crash cut short; the caller holds the lock of the data folder.
    await rm(join(folder, 'incoming'), { recursive: true, force: true });
    await mkdir(join(folder, 'incoming'), { recursive: true });
    return new DiskStore(folder);
  },
});

class DiskStore implements ObjectStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, body: Readable, limitBytes: number = Infinity): Promise<StoredObject> {
    const path = this.path(key);
    const incoming = join(this.#folder, 'incoming', newId('object-'));
    try {
      const stored = await writeAll(incoming, body, limitBytes);
      const made = await mkdir(dirname(path), { recursive: true });
      if (made) syncTree(dirname(made), { deep: false });
      await rename(incoming, path);
      syncTree(dirname(path), { deep: false });
      return stored;
    } catch (error) {
      await rm(incoming, { force: true });
      throw isDiskFull(error)
        ? new PlatformError('disk_full', 'the disk is full: nothing was stored; free some space, then try again', { cause: error })
        : error;
    }
  }

  async get(key: string): Promise<Readable> {
    const path = this.path(key);
    if (!(await this.exists(key))) {
      throw new PlatformError(
        'artifact_corrupt',
        `the stored file ${key} is missing from the data folder: restore it from a backup, or delete its row`,
      );
    }
    return createReadStream(path);
  }

  /** The last fence against a key that leads out of the folder. */
  path(key: string): string {
    if (!/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/.test(key)) throw new Error(`not an object key: ${JSON.stringify(key)}`);
    return join(this.#folder, key);
  }

  async delete(key: string): Promise<void> {
    await rm(this.path(key), { force: true });
  }

  async exists(key: string): Promise<boolean> {
    const path = this.path(key);
    return existsSync(path) && (await stat(path)).isFile();
  }
}

/** Streams `body` into a new file, counted, hashed and fsynced. */
async function writeAll(path: string, body: Readable, limitBytes: number): Promise<StoredObject> {
  const file = await open(path, 'wx');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of body) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : (piece as Buffer);
      bytes += chunk.length;
      if (bytes > limitBytes) {
        throw new PlatformError(
          'payload_too_large',
          `the file is larger than ${limitBytes} bytes, the most that is taken here (TUNELOOP_MAX_UPLOAD_MB)`,
        );
      }
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
