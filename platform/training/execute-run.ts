/** One run from its start, or from where another process left it, to a state in which nothing runs. */
import { PlatformError } from '#platform/core/errors.ts';
import type { RunFailure } from '#contract/training-run.ts';
import { describeExit, failureOf, failureOfError } from './failures.ts';
import { finishCancelled, finishFailed, finishPaused } from './finish-run.ts';
import { holdLease, leaseEnd } from './hold-lease.ts';
import type { AttemptExit, AttemptHandle } from './launcher.ts';
import { LossWatch } from './loss-watch.ts';
import { guardOf, recordEvent } from './record-event.ts';
import type { RunRow } from './rows.ts';
import { endAttempt, startAttempt } from './start-attempt.ts';
import { isEnding, Steering } from './steering.ts';
import type { Training } from './training.ts';
import { writeRun } from './write-run.ts';

/** New attempts after the worker was lost; then the run has failed. */
const mostRetries = 2;

/**
 * The caller has claimed the run: it is running, and its lease is ours. Returns when it has come to rest, when the lease is lost,
 * or when `closing` aborts; the worker then goes on. Throws what is not the run's fault, such as a lost database: try again.
 */
export async function executeRun(training: Training, run: RunRow, closing: AbortSignal): Promise<void> {
  const steering = new Steering(training, run.id);
  const lease = holdLease(training, run.id, closing, (wanted) => steering.want(wanted));
  let attempt = run.attempt;
  try {
    steering.want(run);
    let current: RunRow | null = run;
    while (current?.state === 'running' && !lease.signal.aborted) {
      attempt = current.attempt;
      current = await executeAttempt(training, current, steering, lease.signal);
      training.feed.announce(run.id);
    }
  } finally {
    await lease.release(attempt);
  }
}

/** The run after this attempt, running again with a new one; null when it is not ours any more or has to be left. */
async function executeAttempt(training: Training, run: RunRow, steering: Steering, signal: AbortSignal): Promise<RunRow | null> {
  let current = run;
  let handle: AttemptHandle | null;
  const started = new AbortController();
  try {
    handle = await startAttempt(training, run, steering.stopped(AbortSignal.any([signal, started.signal])));
    started.abort();
    if (signal.aborted) return null;
    if (!handle) return afterRefusedStart(training, run);
    steering.attach(handle);
    const watch = new LossWatch();
    for await (const event of training.launcher.follow(handle, run.worker_seq, signal)) {
      const recorded = await recordEvent(training, current, event, watch);
      training.feed.announce(run.id);
      if (recorded?.state !== 'running') return recorded;
      current = recorded;
    }
  } catch (error) {
    const failure = failureOfError(error);
    if (failure) return failRun(training, current, failure);
    if (error instanceof PlatformError && error.code === 'worker_unavailable') return afterLoss(training, current, error.message, null);
    throw error;
  } finally {
    started.abort();
    steering.detach();
  }
  if (signal.aborted) return null;
  const exit = await training.launcher.exit(handle);
  return afterLoss(training, current, describeExit(exit), exit);
}

/** Nobody waits for the worker any more: the run is to stop, or it is not ours. */
async function afterRefusedStart(training: Training, run: RunRow): Promise<RunRow | null> {
  const now = await training.db.selectFrom('runs').selectAll().where('id', '=', run.id).executeTakeFirstOrThrow();
  const isOurs = now.state === 'running' && now.attempt === run.attempt && now.lease_owner === training.owner;
  return isOurs && isEnding(now.desired) ? afterLoss(training, now, 'the worker had not started yet', null) : null;
}

/** The worker is gone without a word: done when that was wanted, otherwise tried again from the last checkpoint. */
async function afterLoss(training: Training, run: RunRow, what: string, exit: AttemptExit | null): Promise<RunRow | null> {
  const { desired } = await training.db.selectFrom('runs').select('desired').where('id', '=', run.id).executeTakeFirstOrThrow();
  const guard = guardOf(training, run);
  if (isEnding(desired)) await endAttempt(training, run);
  if (desired === 'cancel') {
    const event = { type: 'run-cancelled', message: `Cancelled: ${what}`, data: { step: run.step } };
    return finishCancelled(training, guard, event, run.worker_seq);
  }
  if (desired === 'pause') {
    const event = { type: 'run-paused', message: `Paused: ${what}; resume goes on from the last checkpoint`, data: { step: run.step } };
    return finishPaused(training, run, guard, event, {});
  }
  if (exit?.outOfMemory) return failRun(training, run, failureOf('oom', withLog(`Training stopped after step ${run.step}: ${what}`, exit)));
  const retries = await countRetries(training, run.id);
  if (retries >= mostRetries) {
    return failRun(
      training,
      run,
      failureOf('worker_lost', withLog(`Given up after ${retries + 1} attempts, at step ${run.step}: ${what}`, exit)),
    );
  }
  await endAttempt(training, run);
  const message = `${capital(what)}; trying again from the last checkpoint (${retries + 1} of ${mostRetries})`;
  const next = { attempt: run.attempt + 1, handle: null, worker_seq: 0, lease_until: leaseEnd };
  return writeRun(training.db, { ...guard, transition: 'retry' }, next, [
    {
      type: 'run-retried',
      level: 'warn',
      message,
      data: { attempt: run.attempt + 1, exit_code: exit?.exitCode ?? null, signal: exit?.signal ?? null },
    },
  ]);
}

/** Ends the run and whatever of it still lives. Null when it is not ours to end. */
export async function failRun(training: Training, run: RunRow, failure: RunFailure): Promise<RunRow | null> {
  // A worker that cannot be found is no reason for a run without an end.
  await endAttempt(training, run).catch((error: unknown) =>
    training.log.error({ err: error, run: run.id }, 'the worker of a failed run could not be ended'),
  );
  return finishFailed(training, guardOf(training, run), failure, run.worker_seq);
}

/** Since the run was last resumed by a person: whoever resumes gives it new tries. */
async function countRetries(training: Training, runId: string): Promise<number> {
  const events = await training.db
    .selectFrom('run_events')
    .select('type')
    .where('run_id', '=', runId)
    .where('type', 'in', ['run-retried', 'run-resumed'])
    .orderBy('seq')
    .execute();
  return events.length - 1 - events.findLastIndex((event) => event.type === 'run-resumed');
}

function withLog(message: string, exit: AttemptExit | null): string {
  return exit?.logTail ? `${message}. Its log ends with: ${exit.logTail}` : `${message}.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
