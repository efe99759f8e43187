/** Tells one process from a later one that got the same number. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** When the process started, as text to compare; null when there is none, or only its zombie. */
export async function processStart(pid: number): Promise<string | null> {
  if (pid <= 0) return null;
  if (process.platform !== 'linux') return startByPs(pid);
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (text === null) return null;
  // proc(5): the name in brackets may hold anything, so fields are counted after it: state is the 3rd, starttime the 22nd.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return isDead(fields[0]!) ? null : fields[19]!;
}

async function startByPs(pid: number): Promise<string | null> {
  const answer = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => null);
  const [state, ...start] = answer?.stdout.trim().split(/\s+/) ?? [];
  return state === undefined || state === '' || isDead(state) ? null : start.join(' ');
}

function isDead(state: string): boolean {
  return state.startsWith('Z') || state.startsWith('X');
}

/** How many processes the kernel has killed for want of memory since it started; null where it does not say. */
export async function outOfMemoryKills(): Promise<number | null> {
  const text = await readFile('/proc/vmstat', 'latin1').catch(() => '');
  const line = /^oom_kill (\d+)$/m.exec(text);
  return line ? Number(line[1]) : null;
}
