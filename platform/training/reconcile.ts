/** Brings every run to what is wanted of it: one loop that starts, takes over and looks after runs. */
import { isDatabaseDown } from '#platform/storage/database.ts';
import { claimQueued, takeOver } from './claim-runs.ts';
import { executeRun, failRun } from './execute-run.ts';
import { failureOf } from './failures.ts';
import type { RunRow } from './rows.ts';
import type { Training } from './training.ts';

/** Looks at the rows at least so often: another process may have submitted a run or died. */
const tickMs = 1000;
/** A run whose execution throws so often without getting any further has failed by a fault of ours. */
const mostFaults = 5;

export interface Reconciler {
  /** Hands the runs back; their workers go on, and the next platform process follows them further. */
  close(): Promise<void>;
}

export function startReconciler(training: Training): Reconciler {
  const closing = new AbortController();
  const loop = new Loop(training, closing.signal);
  const done = loop.run();
  return {
    async close() {
      closing.abort();
      await done;
    },
  };
}

class Loop {
  readonly #training: Training;
  readonly #closing: AbortSignal;
  readonly #executing = new Map<string, Promise<void>>();
  readonly #faults = new Map<string, { count: number; workerSeq: number }>();

  constructor(training: Training, closing: AbortSignal) {
    this.#training = training;
    this.#closing = closing;
  }

  async run(): Promise<void> {
    while (!this.#closing.aborted) {
      // Listening begins before the look: a ring during it is not lost.
      const next = this.#training.toDo.next(tickMs, this.#closing);
      await this.#look().catch((error: unknown) => {
        this.#training.log.error(
          { err: error },
          isDatabaseDown(error) ? 'the database is away; runs are looked after when it is back' : 'runs could not be looked after',
        );
      });
      await next;
    }
    await Promise.all(this.#executing.values());
  }

  async #look(): Promise<void> {
    for (const run of await takeOver(this.#training, [...this.#executing.keys()])) this.#execute(run);
    for (const run of await claimQueued(this.#training)) this.#execute(run);
  }

  #execute(run: RunRow): void {
    this.#training.reporter.follow(run.id);
    // A run that was paused and resumed may be due again while its last execution is still winding up.
    const before = this.#executing.get(run.id);
    const execution: Promise<void> = (before ?? Promise.resolve())
      .then(() => executeRun(this.#training, run, this.#closing))
      .then(
        () => {
          this.#faults.delete(run.id);
          this.#end(run, execution);
          // Its slot is free: the next one starts at once.
          this.#training.toDo.raise();
        },
        (error: unknown) => {
          this.#end(run, execution);
          return this.#afterFault(run, error);
        },
      )
      .catch((error: unknown) => this.#training.log.error({ err: error, run: run.id }, 'a run could not be ended'));
    this.#executing.set(run.id, execution);
  }

  #end(run: RunRow, execution: Promise<void>): void {
    if (this.#executing.get(run.id) === execution) this.#executing.delete(run.id);
  }

  /** The run is taken over again at the next tick; after too many faults it has failed instead. */
  async #afterFault(run: RunRow, error: unknown): Promise<void> {
    this.#training.log.error({ err: error, run: run.id }, 'a run could not be followed');
    if (isDatabaseDown(error) || this.#closing.aborted) return;
    const before = this.#faults.get(run.id);
    const count = before?.workerSeq === run.worker_seq ? before.count + 1 : 1;
    this.#faults.set(run.id, { count, workerSeq: run.worker_seq });
    if (count < mostFaults) return;
    this.#faults.delete(run.id);
    const mine = (await takeOver(this.#training, [...this.#executing.keys()])).find((one) => one.id === run.id);
    const message = `The platform could not follow the run: ${error instanceof Error ? error.message : String(error)}`;
    if (mine) await failRun(this.#training, mine, failureOf('crashed', message));
    this.#training.feed.announce(run.id);
  }
}
