/** Weights & Biases by its own package, in a small process of Python; offline it writes what `wandb sync` sends later. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { TrackerRefused, type TrackedEnd, type TrackedFigures, type TrackedPlace, type TrackedRun, type Tracker } from '../tracker.ts';

const options = z.object({
  python: z.string().describe('Of an environment that has wandb.'),
  root: z.string().describe('Where the package "worker" is found.'),
  folder: z.string(),
  project: z.string().min(1),
  mode: z.enum(['offline', 'online']),
  key: z.string().optional(),
  base_url: z.string().optional().describe('Of a server of your own.'),
});
type Options = z.output<typeof options>;

export const driver = defineDriver({
  options,
  async open(given): Promise<Tracker> {
    const looksFor = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("wandb") is None)';
    await promisify(execFile)(given.python, ['-c', looksFor]).catch((cause: unknown) => {
      const message = `TUNELOOP_TRACKERS: ${given.python} has no wandb: run "npm run setup -- --wandb", or set TUNELOOP_WANDB_PYTHON`;
      throw new PlatformError('setting_invalid', message, { cause });
    });
    return new WandbTracker(given);
  },
});

const Answer = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ id: z.int(), ok: z.boolean(), message: z.string().optional(), lasting: z.boolean().optional() }),
]);

/** The process that has wandb, and whether it has imported it: that takes seconds, on a busy machine many. */
interface Bridge {
  process: ChildProcess;
  isReady: boolean;
}

class WandbTracker implements Tracker {
  readonly name = 'wandb';
  readonly #options: Options;
  #bridge: Bridge | null = null;
  #lastId = 0;
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();

  constructor(given: Options) {
    this.#options = given;
  }

  async begin(run: TrackedRun, _place: TrackedPlace | null, signal: AbortSignal): Promise<TrackedPlace> {
    await this.#ask({ do: 'begin', run: this.#view(run) }, signal);
    return { folder: this.#options.folder, run_id: run.id };
  }

  async log(run: TrackedRun, _place: TrackedPlace, figures: TrackedFigures[], signal: AbortSignal): Promise<void> {
    await this.#ask({ do: 'log', run: this.#view(run), figures }, signal);
  }

  async end(run: TrackedRun, _place: TrackedPlace, { state, model, artifact }: TrackedEnd, signal: AbortSignal): Promise<void> {
    await this.#ask({ do: 'end', run: this.#view(run), state, model, artifact }, signal);
  }

  async close(): Promise<void> {
    const bridge = this.#bridge?.process;
    if (!bridge || bridge.exitCode !== null) return;
    const ended = new Promise((resolve) => bridge.once('exit', resolve));
    bridge.stdin!.end();
    const late = setTimeout(() => bridge.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  }

  #view({ id, name, parameters, tags, wishes }: TrackedRun): object {
    const labels = [...Object.entries(tags).map(([key, value]) => `${key}:${value}`.slice(0, 64)), ...(wishes.tags ?? [])];
    const project = wishes.project ?? this.#options.project;
    return { id, name: wishes.name ?? name, project, entity: wishes.entity ?? null, tags: labels, parameters };
  }

  /**
   * One question, one answer. A bridge that does not answer in time is ended, and the next question starts another; one that is still
   * starting is left to it, or a slow machine would never see its end.
   */
  async #ask(question: object, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const bridge = (this.#bridge ??= this.#start());
    const id = ++this.#lastId;
    const end = (): unknown =>
      bridge.isReady ? bridge.process.kill('SIGKILL') : this.#waiting.get(id)?.reject(new Error('it is starting'));
    signal.addEventListener('abort', end, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        bridge.process.stdin!.write(`${JSON.stringify({ id, ...question })}\n`);
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', end);
      this.#waiting.delete(id);
    }
  }

  #start(): Bridge {
    const { python, root, folder, mode, key, base_url } = this.#options;
    const child = spawn(python, ['-m', 'worker.wandb_bridge', '--folder', folder, '--mode', mode], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'ignore'],
      // Nothing of the platform's own environment: it holds other secrets.
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: folder,
        ...(key && { WANDB_API_KEY: key }),
        ...(base_url && { WANDB_BASE_URL: base_url }),
      },
    });
    const bridge: Bridge = { process: child, isReady: false };
    const lost = (error: Error): void => {
      if (this.#bridge === bridge) this.#bridge = null;
      for (const { reject } of this.#waiting.values()) reject(error);
    };
    child.once('error', lost);
    child.once('exit', (code, signal) => lost(new Error(`the process that speaks to Weights & Biases ended (${signal ?? code})`)));
    child.stdin.on('error', () => {}); // its end is told above
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = Answer.parse(JSON.parse(line));
      if ('ready' in answer) return void (bridge.isReady = true);
      const { id, ok, message = '', lasting } = answer;
      const waiting = this.#waiting.get(id);
      if (ok) waiting?.resolve();
      else waiting?.reject(lasting ? new TrackerRefused(message) : new Error(message));
    });
    return bridge;
  }
}
