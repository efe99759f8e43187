/** The warm worker of a data folder: found on its socket, or started, and spoken to in lines of JSON. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { WorkerCommand } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { workerEnvironment } from '#platform/core/worker-environment.ts';
import { logTail } from './log-tail.ts';

export interface WorkerServerOptions {
  socketPath: string;
  logPath: string;
  /** Program and first arguments; `--socket FILE --log FILE` are added. */
  command: string[];
  /** Working directory: where the package `worker` is found. */
  root: string;
}

const Answer = z.discriminatedUnion('ok', [
  z.looseObject({ ok: z.literal(true) }),
  z.looseObject({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
export type WorkerAnswer = Extract<z.infer<typeof Answer>, { ok: true }>;

/** From its start until its socket answers; imports come after that. */
const reachableMs = 30_000;
/** A large base model takes minutes to load before a job's process is forked; a worker that takes longer hangs. */
const answerMs = 600_000;
/** The worker's exit code when another one holds the socket. */
const socketTaken = 3;

export class WorkerServer {
  readonly #options: WorkerServerOptions;
  /** Held open: the worker ends by itself some time after its last job and connection are gone. */
  #presence: Socket | null = null;
  #starting: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: WorkerServerOptions) {
    this.#options = options;
  }

  /** Calls back once when the worker goes away by itself. */
  async ensure(onLost?: () => void): Promise<void> {
    this.#starting ??= this.#reach().finally(() => (this.#starting = null));
    await this.#starting;
    if (onLost) this.#presence?.once('close', () => !this.#isClosed && onLost());
  }

  /**
   * The answer to one command, on a connection of its own; a signal, in place of a limit of time, ends the wait for it. Throws
   * `worker_unavailable`, `disk_full`, `model_refused` as the worker says.
   */
  async ask(command: WorkerCommand, how: { startsIt: true; signal?: AbortSignal }): Promise<WorkerAnswer>;
  /** Null when no worker is there. */
  async ask(command: WorkerCommand, how: { startsIt: false }): Promise<WorkerAnswer | null>;
  async ask(command: WorkerCommand, how: { startsIt: boolean; signal?: AbortSignal }): Promise<WorkerAnswer | null> {
    if (how.startsIt) await this.ensure();
    const socket = await open(this.#options.socketPath);
    if (!socket && !how.startsIt) return null;
    if (!socket) throw unavailable('The training worker has just ended', this.#options.logPath);
    return readAnswer(socket, command, this.#options.logPath, how.signal);
  }

  close(): void {
    this.#isClosed = true;
    this.#presence?.destroy();
  }

  /** A worker that has been killed still takes connections for a moment: only one that answers is there. */
  async #reach(): Promise<void> {
    const socket = (await greet(this.#options)) ?? (await this.#start());
    if (this.#presence && !this.#presence.destroyed) socket.destroy();
    else this.#hold(socket);
  }

  #hold(socket: Socket): void {
    socket.unref();
    socket.on('error', () => {});
    // Nothing is ever read from it; without this its end would not be seen.
    socket.resume();
    this.#presence = socket;
    if (this.#isClosed) socket.destroy();
  }

  /** A worker that finds the socket taken ends; whoever had it answers, or is dying and leaves it to the next try. */
  async #start(): Promise<Socket> {
    const until = performance.now() + reachableMs;
    let child = this.#spawn();
    while (performance.now() < until) {
      const socket = await greet(this.#options);
      if (socket) return socket;
      if (child.ended !== null) throw unavailable(`The training worker ${child.ended}`, this.#options.logPath);
      if (child.foundSocketTaken) child = this.#spawn();
      await wait(20);
    }
    throw unavailable(`The training worker did not answer within ${reachableMs / 1000} s`, this.#options.logPath);
  }

  /** In a session of its own, so that it and its jobs outlive this process. */
  #spawn(): { ended: string | null; foundSocketTaken: boolean } {
    const { command, socketPath, logPath, root } = this.#options;
    const [program, ...first] = command;
    const state = { ended: null as string | null, foundSocketTaken: false };
    const child = spawn(program!, [...first, '--socket', socketPath, '--log', logPath], {
      cwd: root,
      detached: true,
      stdio: 'ignore',
      env: workerEnvironment(),
    });
    child.on('error', (error) => (state.ended = `could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (code === socketTaken) state.foundSocketTaken = true;
      else state.ended = `ended at its start (${signal ?? `exit code ${code}`})`;
    });
    child.unref();
    return state;
  }
}

/** A connection; null when no one listens. */
function open(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else reject(new PlatformError('worker_unavailable', `${path}: ${error.message}`, { cause: error }));
    });
  });
}

/** A connection on which a worker has answered; null when none is there. Throws `worker_unavailable` when one is there and frozen. */
async function greet({ socketPath, logPath }: WorkerServerOptions): Promise<Socket | null> {
  const socket = await open(socketPath);
  if (!socket) return null;
  return new Promise((resolve, reject) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve(null));
    socket.once('data', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.setTimeout(reachableMs, () => {
      reject(unavailable(`The training worker has not answered for ${reachableMs / 1000} s; end its process to get a new one`, logPath));
      socket.destroy();
    });
    socket.write(`${JSON.stringify({ command: 'ping' } satisfies WorkerCommand)}\n`);
  });
}

async function readAnswer(socket: Socket, command: WorkerCommand, logPath: string, signal?: AbortSignal): Promise<WorkerAnswer> {
  const end = (): unknown => socket.destroy(new Error('nobody waits for it any more'));
  try {
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    if (!signal) socket.setTimeout(answerMs, () => socket.destroy(new Error(`no answer within ${answerMs / 1000} s`)));
    socket.write(`${JSON.stringify(command)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = Answer.parse(JSON.parse(line));
      if (answer.ok) return answer;
      const code = answer.code === 'disk_full' || answer.code === 'model_refused' ? answer.code : 'worker_unavailable';
      throw new PlatformError(code, `The training worker refused "${command.command}": ${answer.message}`);
    }
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw unavailable(`The training worker ended before it answered "${command.command}"`, logPath, error);
  } finally {
    signal?.removeEventListener('abort', end);
    socket.destroy();
  }
  throw unavailable(`The training worker ended before it answered "${command.command}"`, logPath);
}

function unavailable(what: string, logPath: string, cause?: unknown): PlatformError {
  const tail = logTail(logPath, 3);
  return new PlatformError('worker_unavailable', `${what}; see ${logPath}${tail ? `: ${tail}` : ''}`, { cause, retryAfterSeconds: 5 });
}
