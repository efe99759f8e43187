/** What is wanted of a run, handed to the worker of its present attempt. */
import type { WorkerControl } from '#contract/worker.ts';
import { openKeepWish } from './kept-steps.ts';
import type { AttemptHandle } from './launcher.ts';
import { readProbes, workerProbes } from './probe-events.ts';
import type { RunRow } from './rows.ts';
import { Signal } from './signal.ts';
import type { Training } from './training.ts';

/** Between asking a worker to stop and ending it. */
const usualGraceMs = 30_000;

/** The columns of a run that say what is asked of it. */
export type Wanted = Pick<RunRow, 'desired' | 'asked_seq'>;

/** Tells the attempt what is asked of the run; ends it when it does not pause or cancel in time. */
export class Steering {
  readonly #training: Training;
  readonly #runId: string;
  #wanted: Wanted = { desired: 'run', asked_seq: 0 };
  #handle: AttemptHandle | null = null;
  #told: { action: WorkerControl['action']; askedSeq: number } = { action: null, askedSeq: 0 };
  #timer: NodeJS.Timeout | undefined;
  /** One telling after the other: what is written last is what was asked last. */
  #telling: Promise<void> = Promise.resolve();
  readonly #wishes = new Signal();

  constructor(training: Training, runId: string) {
    this.#training = training;
    this.#runId = runId;
  }

  want({ desired, asked_seq }: Wanted): void {
    this.#wanted = { desired, asked_seq };
    this.#wishes.raise();
    this.#tell();
  }

  attach(handle: AttemptHandle): void {
    this.#handle = handle;
    this.#told = { action: null, askedSeq: 0 };
    this.#tell();
  }

  detach(): void {
    clearTimeout(this.#timer);
    this.#handle = null;
  }

  /** Resolves when the run is to stop, or when the signal aborts: a cold worker takes long to start, and nobody should wait for it then. */
  async stopped(signal: AbortSignal): Promise<void> {
    while (!isEnding(this.#wanted.desired) && !signal.aborted) await this.#wishes.next(60_000, signal);
  }

  /** A worker that was asked to pause cannot be asked to go on: it pauses, and the run is queued again. */
  #tell(): void {
    const handle = this.#handle;
    const { desired, asked_seq: askedSeq } = this.#wanted;
    const action = desired === 'run' ? this.#told.action : desired;
    if (!handle || (action === this.#told.action && askedSeq === this.#told.askedSeq)) return;
    if (action !== this.#told.action && isEnding(desired)) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#try(this.#training.launcher.kill(handle)), this.#training.graceMs ?? usualGraceMs);
    }
    this.#told = { action, askedSeq };
    this.#telling = this.#telling.then(() => this.#try(this.#hand(handle, action, askedSeq > 0)));
  }

  async #hand(handle: AttemptHandle, action: WorkerControl['action'], wasAsked: boolean): Promise<void> {
    const { db, launcher } = this.#training;
    if (wasAsked) await launcher.ask(handle, workerProbes(await readProbes(db, this.#runId)));
    await launcher.control(handle, { action, keep: wasAsked ? await openKeepWish(db, this.#runId) : 0 });
  }

  /** An attempt that cannot be told is ended when its time is up. */
  #try(action: Promise<void>): Promise<void> {
    return action.catch((error: unknown) => this.#training.log.warn({ err: error, run: this.#runId }, 'a worker could not be steered'));
  }
}

/** Whether the attempt is to end without a model. */
export function isEnding(desired: RunRow['desired']): boolean {
  return desired === 'pause' || desired === 'cancel';
}
