/** One platform process a data folder: a lock beside the embedded database, with the pid of its holder to name. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';
import { lockFile, type FileLock } from './file-lock.ts';

/** Takes the folder for this process. Throws `data_locked` that names the process which has it. */
export function lockData(folder: string): FileLock {
  mkdirSync(folder, { recursive: true });
  const pidFile = join(folder, 'pglite.pid');
  const lock = lockFile(join(folder, 'pglite.lock'));
  if (!lock) throw new PlatformError('data_locked', lockedMessage(folder, readHolder(pidFile)));
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release() {
      rmSync(pidFile, { force: true });
      lock.release();
    },
  };
}

function lockedMessage(folder: string, holder: string | null): string {
  const who = holder === null ? 'another process' : `process ${holder}`;
  return (
    `the data in ${folder} is in use by ${who}: a second one would lose its writes. ` +
    `Use that platform over HTTP, or stop it${holder === null ? '' : ` (kill ${holder})`}, or set TUNELOOP_DATA to another folder`
  );
}

/** Null while the holder has the lock but has not yet written who it is. */
function readHolder(pidFile: string): string | null {
  try {
    return readFileSync(pidFile, 'utf8').match(/^\d+/)?.[0] ?? null;
  } catch {
    return null;
  }
}
