/** What a run answers to its probes, as it is made: for whoever watches. Whole answers are events of the run. */
import { setTimeout as wait } from 'node:timers/promises';
import { terminalStates } from '#contract/training.ts';
import type { ProbeDelta } from '#contract/probe.ts';
import { openQuestions, readProbes } from './probe-events.ts';
import type { RunEventRow, RunRow } from './rows.ts';
import { getRun } from './runs.ts';
import { Signal } from './signal.ts';
import type { Training } from './training.ts';

/** Before an attempt is looked for again. */
const lookAgainMs = 500;

/**
 * First the questions that wait and what is being answered now, then every piece, over all attempts of the run; ends with the run, or
 * when the signal aborts. Throws `run_not_found`.
 */
export async function* streamProbes(
  training: Training,
  projectId: string,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<ProbeDelta, void> {
  const run = await getRun(training, projectId, runId);
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const pieces = new Pieces();
  for (const { probe } of openQuestions(await readProbes(training.db, runId))) pieces.put(waiting(probe.id, run.step));
  const followers = [followQuestions(training, runId, run.last_seq, pieces, both), followAttempts(training, run, pieces, both)];
  const done = Promise.all(followers).finally(() => pieces.close());
  // Whoever reads on finds the failure there.
  done.catch(() => {});
  try {
    yield* pieces.read();
    await done;
  } finally {
    ended.abort();
    await done.catch(() => {});
  }
}

/** A question is known to wait as soon as it is stored, long before the worker sees it; one that is removed waits no more. */
async function followQuestions(training: Training, runId: string, afterSeq: number, pieces: Pieces, signal: AbortSignal): Promise<void> {
  let step = 0;
  for await (const event of training.feed.subscribe(runId, afterSeq, signal)) {
    if (event.type === 'run-step') step = Number(event.data['step']);
    const asked = askedId(event);
    if (asked !== null) pieces.put(waiting(asked, step));
    if (event.type === 'probe-removed') pieces.put({ ...waiting(String(event.data['probe_id']), step), done: true });
  }
}

function askedId(event: RunEventRow): string | null {
  const probe = event.type === 'probe-added' ? (event.data['probe'] as { id: string; origin: string }) : null;
  return probe?.origin === 'asked' ? probe.id : null;
}

function waiting(probe_id: string, step: number): ProbeDelta {
  return { probe_id, lane: 'live', step, text: '', state: 'waiting', done: false, waited_seconds: null };
}

/** Each attempt writes to a file of its own. */
async function followAttempts(training: Training, { id, handle, attempt }: RunRow, pieces: Pieces, signal: AbortSignal): Promise<void> {
  // Of an attempt that began before somebody watched, what was said before is over.
  const began = handle === null ? null : attempt;
  let followed = 0;
  while (!signal.aborted) {
    const run = await training.db.selectFrom('runs').select(['state', 'attempt', 'handle']).where('id', '=', id).executeTakeFirst();
    if (!run || terminalStates.includes(run.state)) return;
    if (run.handle && run.attempt > followed) {
      followed = run.attempt;
      const from = run.attempt === began ? 'now' : 'start';
      for await (const delta of training.launcher.followProbes(run.handle, from, signal)) pieces.put(delta);
    }
    await wait(lookAgainMs, undefined, { signal }).catch(() => {});
  }
}

/** Pieces from several sources, read by one reader in the order in which they came; that a question waits is told first, and once. */
class Pieces {
  readonly #added = new Signal();
  readonly #told = new Set<string>();
  #queue: ProbeDelta[] = [];
  #isClosed = false;

  put(delta: ProbeDelta): void {
    const isFirst = !this.#told.has(delta.probe_id);
    this.#told.add(delta.probe_id);
    // The worker may answer a question before the event that it was asked has come round.
    if (delta.state === 'waiting' && !delta.done && !isFirst) return;
    if (isFirst && delta.state === 'answering' && delta.waited_seconds !== null) this.#queue.push(waiting(delta.probe_id, delta.step));
    this.#queue.push(delta);
    this.#added.raise();
  }

  close(): void {
    this.#isClosed = true;
    this.#added.raise();
  }

  async *read(): AsyncGenerator<ProbeDelta, void> {
    for (;;) {
      const next = this.#added.next(60_000);
      const pieces = this.#queue;
      this.#queue = [];
      if (pieces.length > 0 || this.#isClosed) this.#added.raise();
      yield* pieces;
      if (pieces.length === 0 && this.#isClosed) return;
      await next;
    }
  }
}
