/** The processes of a platform as the system lists them: whom a fault may hit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Listed {
  pid: number;
  parent: number;
  command: string;
}

/** The warm worker of a data folder: it holds the folder's socket and is nobody's child of its own kind. */
export function workerOf(dataDir: string): number | null {
  const workers = workersOf(dataDir);
  return workers.find((one) => !workers.some((other) => other.pid === one.parent))?.pid ?? null;
}

/** The processes that train, or measure, or convert. */
export function jobsOf(dataDir: string): number[] {
  const server = workerOf(dataDir);
  return workersOf(dataDir).flatMap(({ pid, parent }) => (parent === server ? [pid] : []));
}

export function engineOf(platformPid: number): number | null {
  return list().find(({ parent, command }) => parent === platformPid && command.includes('llama-cpp/process.ts'))?.pid ?? null;
}

/** Whether it was there to be hit. */
export function signal(pid: number | null, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGQUIT'): boolean {
  if (pid === null) return false;
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function workersOf(dataDir: string): Listed[] {
  return list().filter(({ command }) => command.includes(join(dataDir, 'worker', 'worker.sock')));
}

function list(): Listed[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, 'latin1') }];
      } catch {
        // It has ended since the folder was read.
        return [];
      }
    });
}
