/** What a person asks of a run after its start: cancel, pause, resume, stop, and to keep a step. */
import { sql } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';
import type { RunRow } from './rows.ts';
import { getRun } from './runs.ts';
import type { Training } from './training.ts';
import { databaseNow, writeRun, type NewEvent, type RunChanges } from './write-run.ts';

/**
 * A waiting run is cancelled at once; a running one when its worker has stopped, within 30 s. Cancelling twice changes nothing.
 * Throws `run_not_found`; `invalid_state` when the run is over.
 */
export async function cancelRun(training: Training, projectId: string, runId: string): Promise<RunRow> {
  return steer(training, projectId, runId, async (run) => {
    if (run.state === 'cancelled' || run.desired === 'cancel') return run;
    refuseWhenOver(run, 'cancelled');
    if (run.state === 'running') return ask(training, run, 'cancel', 'Cancelling: the worker stops after its step');
    const event = { type: 'run-cancelled', message: 'Cancelled before it ran', data: { step: run.step } };
    return move(training, run, 'cancel', { finished_at: databaseNow }, event);
  });
}

/** A running run saves a checkpoint first. Throws `run_not_found`; `invalid_state` when the run is over or being cancelled. */
export async function pauseRun(training: Training, projectId: string, runId: string): Promise<RunRow> {
  return steer(training, projectId, runId, async (run) => {
    if (run.state === 'paused' || (run.state === 'running' && run.desired === 'pause')) return run;
    refuseWhenOver(run, 'paused');
    if (run.desired === 'cancel' || run.desired === 'stop') {
      const doing = run.desired === 'cancel' ? 'cancelled' : 'stopped';
      throw new PlatformError('invalid_state', `Job ${run.id} is being ${doing} and cannot be paused.`);
    }
    if (run.state === 'running') return ask(training, run, 'pause', 'Pausing: the worker saves a checkpoint after its step');
    return move(training, run, 'pause', {}, { type: 'run-paused', message: 'Paused while it waited', data: { step: run.step } });
  });
}

/** The run goes behind those that wait. Throws `run_not_found`; `invalid_state` when the run is over or being cancelled. */
export async function resumeRun(training: Training, projectId: string, runId: string): Promise<RunRow> {
  return steer(training, projectId, runId, async (run) => {
    refuseWhenOver(run, 'resumed');
    if (run.desired === 'cancel') throw new PlatformError('invalid_state', `Job ${run.id} is being cancelled and cannot be resumed.`);
    if (run.state === 'running' && run.desired === 'pause') return ask(training, run, 'run', 'The pause is taken back');
    if (run.state !== 'paused') return run;
    return move(
      training,
      run,
      'resume',
      { desired: 'run', queued_at: databaseNow },
      { type: 'run-resumed', message: 'Resumed: the run waits for its turn' },
    );
  });
}

/**
 * The weights after the step that runs become the model, and the run succeeds. Throws `run_not_found`; `invalid_state` when the run
 * does not train now, or is being paused or cancelled.
 */
export async function stopRun(training: Training, projectId: string, runId: string): Promise<RunRow> {
  return steer(training, projectId, runId, async (run) => {
    if (run.state === 'running' && run.desired === 'stop') return run;
    refuseWhenIdle(run, 'stopped');
    return ask(training, run, 'stop', 'Stopping: the weights after this step become the model');
  });
}

/**
 * The weights after the step that runs become a checkpoint that is never removed. Throws `run_not_found`; `invalid_state` when the run
 * does not train now, or is being paused or cancelled.
 */
export async function keepStep(training: Training, projectId: string, runId: string): Promise<RunRow> {
  return steer(training, projectId, runId, async (run) => {
    refuseWhenIdle(run, 'kept');
    const event: NewEvent = { type: 'run-steered', message: 'Keeping: a checkpoint is made after this step', data: { action: 'keep' } };
    const changes = { asked_seq: sql<number>`last_seq + 1` };
    return writeRun(training.db, { id: run.id, state: 'running', desired: ['run', 'stop'] }, changes, [event]);
  });
}

/** Reads the run and tries; null means that its state has changed in between, so it is read again. */
async function steer(
  training: Training,
  projectId: string,
  runId: string,
  attempt: (run: RunRow) => Promise<RunRow | null>,
): Promise<RunRow> {
  for (;;) {
    const steered = await attempt(await getRun(training, projectId, runId));
    if (!steered) continue;
    training.feed.announce(runId);
    training.toDo.raise();
    return steered;
  }
}

function refuseWhenOver(run: RunRow, what: string): void {
  const isOver = run.state === 'succeeded' || run.state === 'failed' || run.state === 'cancelled';
  if (isOver)
    throw new PlatformError(
      'invalid_state',
      `Job ${run.id} has ${run.state === 'cancelled' ? 'been cancelled' : run.state} and cannot be ${what} any more.`,
    );
}

function refuseWhenIdle(run: RunRow, what: string): void {
  refuseWhenOver(run, what);
  const instead = 'its last checkpoint can be used as it is (GET /v1/fine_tuning/jobs/{id}/checkpoints)';
  if (run.state !== 'running')
    throw new PlatformError('invalid_state', `Job ${run.id} is ${run.state} and has no live weights; ${instead}.`);
  if (run.desired === 'pause' || run.desired === 'cancel') {
    const doing = run.desired === 'pause' ? 'paused' : 'cancelled';
    throw new PlatformError('invalid_state', `Job ${run.id} is being ${doing} and cannot be ${what}; ${instead}.`);
  }
}

/** Says what is wanted of a running run; the reconciler brings its worker to it. */
function ask(training: Training, run: RunRow, desired: RunRow['desired'], message: string): Promise<RunRow | null> {
  const event: NewEvent = { type: 'run-steered', message, data: { action: desired } };
  return writeRun(training.db, { id: run.id, state: 'running', desired: [run.desired] }, { desired }, [event]);
}

/** Changes a run that has no worker. */
function move(
  training: Training,
  run: RunRow,
  transition: 'cancel' | 'pause' | 'resume',
  changes: RunChanges,
  event: NewEvent,
): Promise<RunRow | null> {
  return writeRun(training.db, { id: run.id, state: run.state, transition }, changes, [event]);
}
