/** What is wanted of a run, handed to the worker of its present attempt. */
import type { AttemptHandle } from './launcher.ts';
import type { RunRow } from './rows.ts';
import { Signal } from './signal.ts';
import type { Training } from './training.ts';

/** Between asking a worker to stop and ending it. */
const usualGraceMs = 30_000;

/** Asks the attempt to stop, and ends it when it does not obey in time. */
export class Steering {
  readonly #training: Training;
  readonly #runId: string;
  #wanted: RunRow['desired'] = 'run';
  #handle: AttemptHandle | null = null;
  #told: RunRow['desired'] = 'run';
  #timer: NodeJS.Timeout | undefined;
  readonly #wishes = new Signal();

  constructor(training: Training, runId: string) {
    this.#training = training;
    this.#runId = runId;
  }

  want(desired: RunRow['desired']): void {
    this.#wanted = desired;
    this.#wishes.raise();
    this.#tell();
  }

  attach(handle: AttemptHandle): void {
    this.#handle = handle;
    this.#told = 'run';
    this.#tell();
  }

  detach(): void {
    clearTimeout(this.#timer);
    this.#handle = null;
  }

  /** Resolves when the run is to stop, or when the signal aborts: a cold worker takes long to start, and nobody should wait for it then. */
  async stopped(signal: AbortSignal): Promise<void> {
    while (this.#wanted === 'run' && !signal.aborted) await this.#wishes.next(60_000, signal);
  }

  /** A worker that was asked to pause cannot be asked to go on: it pauses, and the run is queued again. */
  #tell(): void {
    const handle = this.#handle;
    if (!handle || this.#wanted === 'run' || this.#wanted === this.#told) return;
    this.#told = this.#wanted;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(this.#training.launcher.kill(handle)), this.#training.graceMs ?? usualGraceMs);
    this.#try(this.#training.launcher.control(handle, this.#wanted));
  }

  /** An attempt that cannot be told is ended when its time is up. */
  #try(action: Promise<void>): void {
    action.catch((error: unknown) => this.#training.log.warn({ err: error, run: this.#runId }, 'a worker could not be steered'));
  }
}
