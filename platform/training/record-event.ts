/** Stores one event of a worker, and brings the run to what it says. */
import type { WorkerEvent } from '#contract/worker.ts';
import { recordCheckpoint, recordRemoval } from './checkpoints.ts';
import { storedEvent } from './event-text.ts';
import { finishCancelled, finishFailed, finishPaused, finishSucceeded } from './finish-run.ts';
import type { LossWatch } from './loss-watch.ts';
import type { RunRow } from './rows.ts';
import type { Training } from './training.ts';
import { writeRun, type RunChanges, type RunGuard } from './write-run.ts';

/**
 * The changed row; null when it was refused: by a newer attempt, because the lease is another's, or because the event is stored
 * already. Throws `artifact_corrupt` when the final adapter is not what the event promises. `watch` is of this attempt.
 */
export async function recordEvent(training: Training, run: RunRow, event: WorkerEvent, watch: LossWatch): Promise<RunRow | null> {
  const guard = guardOf(training, run);
  switch (event.type) {
    case 'checkpoint-saved':
      return recordCheckpoint(training, run, guard, event);
    case 'checkpoint-removed':
      return recordRemoval(training, run, guard, event);
    case 'run-ended':
      return finishSucceeded(training, run, guard, event);
    case 'run-paused':
      return finishPaused(training, run, guard, storedEvent(event), { worker_seq: event.seq, step: event.step });
    case 'run-cancelled':
      return finishCancelled(training, guard, storedEvent(event), event.seq);
    case 'run-failed': {
      const { cause, message, next_step, rows, row_count } = event;
      return finishFailed(training, guard, { cause, message, next_step, rows, row_count }, event.seq);
    }
    default:
      return writeRun(training.db, guard, { worker_seq: event.seq, ...progressOf(event) }, [storedEvent(event), ...watch.note(event)]);
  }
}

/** Only the holder of the lease writes, only for the newest attempt, and each event once. */
export function guardOf(training: Training, run: RunRow): RunGuard {
  return { id: run.id, state: 'running', attempt: run.attempt, owner: training.owner, workerSeq: run.worker_seq };
}

function progressOf(event: WorkerEvent): RunChanges {
  if (event.type === 'data-checked') return { total_steps: event.total_steps };
  if (event.type === 'memory-profiled') return { memory_peaks: JSON.stringify(event.peaks) };
  if (event.type !== 'run-step') return {};
  return { step: event.step, total_steps: event.total_steps, eta_seconds: event.eta_seconds };
}
