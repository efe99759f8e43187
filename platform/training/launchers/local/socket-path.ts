/** Where the socket of a data folder's worker is: a Unix socket's path holds 107 bytes at most. */
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';

/** unix(7): sun_path is 108 bytes with its closing zero; 104 on macOS. */
const longestPath = 103;

/** The path, in a folder that only this user may enter. */
export async function workerSocketPath(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'worker');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'worker.sock');
  if (Buffer.byteLength(path) <= longestPath) return path;
  const short = join(tmpdir(), `tuneloop-${userInfo().uid}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`);
  await mkdir(short, { recursive: true, mode: 0o700 });
  const found = await lstat(short);
  // Whoever made this folder first could otherwise speak to the platform as its worker.
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0) {
    throw new PlatformError(
      'worker_unavailable',
      `${short} must be a folder of this user that no one else may enter; remove it, or choose a shorter TUNELOOP_DATA`,
    );
  }
  return join(short, 'worker.sock');
}
