/** A lock that the operating system holds for this process, and lets go of when it ends, however it ends. */
import { DatabaseSync } from 'node:sqlite';

export interface FileLock {
  /** A second release does nothing. */
  release(): void;
}

/**
 * Locks the file, and makes it when needed; null when another holder, in this process or any other, has it.
 *
 * It is fcntl's lock, through SQLite's "begin exclusive" on an empty file: never stale, and good between containers that share a
 * folder, where pids mean nothing. Nothing else in this process may open the file: closing any descriptor of it drops the lock.
 */
export function lockFile(path: string): FileLock | null {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    lock.close();
    if (isBusy(error)) return null;
    throw error;
  }
  return {
    release() {
      if (lock.isOpen) lock.close();
    },
  };
}

/** SQLITE_BUSY is 5. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
