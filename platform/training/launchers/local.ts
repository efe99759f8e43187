/** Training on this machine: a warm Python worker forks one process a job; its files tell what the job does. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { ExportTask } from '#contract/model-export.ts';
import { ScoreResult, type ScoreTask } from '#contract/parity.ts';
import type { ProbeDelta } from '#contract/probe.ts';
import type { TrainingJob } from '#contract/training.ts';
import { WorkerExit, type WorkerControl, type WorkerEvent, type WorkerProbes } from '#contract/worker.ts';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { AttemptExit, AttemptHandle, Launcher } from '../launcher.ts';
import { followEvents } from './local/follow-events.ts';
import { followProbes } from './local/follow-probes.ts';
import { logTail } from './local/log-tail.ts';
import { outOfMemoryKills, processStart } from './local/process-identity.ts';
import { workerSocketPath } from './local/socket-path.ts';
import { WorkerServer } from './local/worker-server.ts';

export const driver = defineDriver({
  options: z.object({
    python: z.string().describe('Python of the worker.'),
    data: z.string().describe('Data folder of the platform.'),
    root: z.string().describe('Where the package "worker" is found.'),
    command: z.array(z.string()).min(1).optional().describe('What starts the worker instead of Python.'),
  }),
  open: async ({ python, data, root, command }): Promise<Launcher> => {
    const socketPath = await workerSocketPath(data);
    const folder = join(data, 'worker');
    const logPath = join(folder, 'worker.log');
    return new LocalLauncher(
      folder,
      new WorkerServer({ socketPath, logPath, root, command: command ?? [python, '-m', 'worker', 'serve'] }),
    );
  },
});

/** `pid` 0: the process was gone before its number was known. */
const Handle = z.object({
  attempt_dir: z.string(),
  pid: z.int(),
  started: z.string().nullable().describe('Start of the process: with it the number is never mistaken for a later process.'),
  oom_kills: z.int().nullable().describe('Kills for want of memory on this machine before the attempt.'),
});
type Handle = z.infer<typeof Handle>;

/** Before a worker that went away by itself is started again. */
const rewarmMs = 2000;
/** How long the worker may take to write down how a process of its ended. */
const exitFileMs = 1000;

class LocalLauncher implements Launcher {
  readonly name = 'local';
  /** For what is said to the worker by file. */
  readonly #folder: string;
  readonly #server: WorkerServer;
  #isClosed = false;

  constructor(folder: string, server: WorkerServer) {
    this.#folder = folder;
    this.#server = server;
  }

  async warm(modelDir: string): Promise<void> {
    try {
      await this.#server.ensure(() => {
        setTimeout(() => void (this.#isClosed || this.warm(modelDir)), rewarmMs).unref();
      });
      await this.#server.ask({ command: 'warm', model_dir: modelDir }, { startsIt: true });
    } catch {
      // `start` finds the same and says so to someone who waits for it.
    }
  }

  async start(job: TrainingJob, command: 'train' | 'measure' = 'train'): Promise<AttemptHandle> {
    await mkdir(job.attempt_dir, { recursive: true });
    await claimStart(job);
    const oomKills = await outOfMemoryKills();
    const { pid } = z.looseObject({ pid: z.int() }).parse(await this.#server.ask({ command, job }, { startsIt: true }));
    const handle: Handle = { attempt_dir: job.attempt_dir, pid, started: await processStart(pid), oom_kills: oomKills };
    await writeWhole(job.attempt_dir, 'handle.json', handle);
    return handle;
  }

  async find(job: { run_id: string; attempt: number; attempt_dir: string }): Promise<AttemptHandle | null> {
    if (!existsSync(join(job.attempt_dir, startFile))) return null;
    const written = await readFile(join(job.attempt_dir, 'handle.json'), 'utf8').catch(() => null);
    if (written !== null) return Handle.parse(JSON.parse(written));
    const answer = await this.#server.ask({ command: 'ping' }, { startsIt: false });
    const jobs = z.looseObject({ jobs: z.array(z.object({ run_id: z.string(), attempt: z.int(), pid: z.int() })) }).safeParse(answer);
    const mine = jobs.data?.jobs.find((one) => one.run_id === job.run_id && one.attempt === job.attempt);
    const pid = mine?.pid ?? 0;
    return { attempt_dir: job.attempt_dir, pid, started: await processStart(pid), oom_kills: null } satisfies Handle;
  }

  follow(handle: AttemptHandle, afterSeq: number, signal: AbortSignal): AsyncIterable<WorkerEvent> {
    const mine = Handle.parse(handle);
    return followEvents(mine.attempt_dir, afterSeq, async () => !(await isAlive(mine)), signal);
  }

  async exit(handle: AttemptHandle): Promise<AttemptExit | null> {
    const mine = Handle.parse(handle);
    if (await isAlive(mine)) return null;
    const path = join(mine.attempt_dir, 'exit.json');
    for (const until = performance.now() + exitFileMs; !existsSync(path) && performance.now() < until;) await wait(20);
    const text = await readFile(path, 'utf8').catch(() => null);
    const exit = text === null ? null : WorkerExit.parse(JSON.parse(text));
    const oomKills = await outOfMemoryKills();
    return {
      exitCode: exit?.exit_code ?? null,
      signal: exit?.signal ?? null,
      outOfMemory:
        exit?.signal !== undefined && exit?.signal === 9 && mine.oom_kills !== null && oomKills !== null && oomKills > mine.oom_kills,
      logTail: logTail(join(mine.attempt_dir, 'worker.log'), 10),
    };
  }

  async control(handle: AttemptHandle, control: WorkerControl): Promise<void> {
    await writeWhole(Handle.parse(handle).attempt_dir, 'control.json', control);
  }

  async ask(handle: AttemptHandle, probes: WorkerProbes): Promise<void> {
    await writeWhole(Handle.parse(handle).attempt_dir, 'probes.json', probes);
  }

  followProbes(handle: AttemptHandle, from: 'start' | 'now', signal: AbortSignal): AsyncIterable<ProbeDelta> {
    const mine = Handle.parse(handle);
    return followProbes(mine.attempt_dir, from, async () => !(await isAlive(mine)), signal);
  }

  async kill(handle: AttemptHandle): Promise<void> {
    const mine = Handle.parse(handle);
    while (await isAlive(mine)) {
      kill(-mine.pid);
      kill(mine.pid);
      await wait(10);
    }
  }

  async score(task: ScoreTask): Promise<ScoreResult> {
    const place = join(this.#folder, `score-${newId('')}`);
    const [task_file, result_file] = [`${place}.task.json`, `${place}.result.json`];
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(task_file, JSON.stringify(task));
      await this.#server.ask({ command: 'score', task_file, result_file }, { startsIt: true });
      return ScoreResult.parse(JSON.parse(await readFile(result_file, 'utf8')));
    } finally {
      await Promise.all([task_file, result_file].map((file) => rm(file, { force: true })));
    }
  }

  async export(task: ExportTask, signal: AbortSignal): Promise<void> {
    const task_file = join(this.#folder, `export-${newId('')}.task.json`);
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(task_file, JSON.stringify(task));
      await this.#server.ask({ command: 'export', task_file }, { startsIt: true, signal });
    } finally {
      await rm(task_file, { force: true });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#server.close();
  }
}

const startFile = 'start.json';

/** An attempt is started once: the file that says so can be made by one caller only. */
async function claimStart(job: TrainingJob): Promise<void> {
  await writeFile(join(job.attempt_dir, startFile), JSON.stringify({ run_id: job.run_id, attempt: job.attempt }), { flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new PlatformError(
        'worker_unavailable',
        `Attempt ${job.attempt} of ${job.run_id} has been started before; a new attempt is needed`,
        { cause: error },
      );
    },
  );
}

async function isAlive(handle: Handle): Promise<boolean> {
  if (handle.pid === 0 || handle.started === null || existsSync(join(handle.attempt_dir, 'exit.json'))) return false;
  return (await processStart(handle.pid)) === handle.started;
}

/** Ends a process, or a whole session by its negative number. That it is gone already is as good. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function writeWhole(folder: string, name: string, value: object): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`);
  await writeFile(temporary, JSON.stringify(value));
  await rename(temporary, join(folder, name));
}
