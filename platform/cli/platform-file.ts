/** `platform.json` in the data folder: which process serves it, and where. Written by `up`, read by `down` and `doctor`. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RunningPlatform {
  pid: number;
  address: string;
  /** Unix seconds. */
  started_at: number;
}

const pathIn = (data: string): string => join(data, 'platform.json');

export function writePlatformFile(data: string, platform: RunningPlatform): void {
  writeFileSync(`${pathIn(data)}.new`, `${JSON.stringify(platform)}\n`);
  renameSync(`${pathIn(data)}.new`, pathIn(data));
}

export function removePlatformFile(data: string): void {
  rmSync(pathIn(data), { force: true });
}

/** Null when nothing serves this data folder: no file, or its process is gone. */
export function readPlatformFile(data: string): RunningPlatform | null {
  try {
    const platform = JSON.parse(readFileSync(pathIn(data), 'utf8')) as RunningPlatform;
    return isPlatform(platform.pid) ? platform : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whether the process lives, and (where Linux tells) is still the one: process ids are given out again. */
export function isPlatform(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('cli/main.ts');
  } catch {
    return process.platform !== 'linux';
  }
}
