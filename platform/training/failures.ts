/** How a run fails when its worker cannot say it: the cause, what was seen, and what the person can do. */
import type { FailureCause } from '#contract/errors.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { RunFailure } from '#contract/training-run.ts';
import type { AttemptExit } from './launcher.ts';

const nextSteps: Record<FailureCause, string> = {
  data_error: 'Upload the file again and create a new job with its id.',
  model_error: 'Pull the base model again (tuneloop model pull ID), then create the job again.',
  oom: 'Create the job again with a smaller extensions.batch_size (and more gradient_accumulation_steps), a smaller max_seq_length, or gradient_checkpointing.',
  nan: 'Create the job again with a smaller learning rate.',
  disk_full: 'Free space on the disk of the data folder, then create the job again.',
  worker_lost: 'See `tuneloop doctor` and the worker log in the data folder, then create the job again; its checkpoints are kept.',
  checkpoint_corrupt: 'Check the disk of the data folder, then create the job again.',
  config_error: 'Correct the setting, then create the job again.',
  crashed: 'This is a fault of Tuneloop: report it with the worker.log of the run. Its checkpoints are kept.',
};

export function failureOf(cause: FailureCause, message: string): RunFailure {
  return { cause, message, next_step: nextSteps[cause], rows: [], row_count: 0 };
}

/** What an error before or between attempts means for the run; null when it may be over at the next try, or is a bug. */
export function failureOfError(error: unknown): RunFailure | null {
  if ((error as NodeJS.ErrnoException | null)?.code === 'ENOSPC')
    return failureOf('disk_full', `The disk is full: ${(error as Error).message}`);
  if (!(error instanceof PlatformError)) return null;
  switch (error.code) {
    case 'disk_full':
      return failureOf('disk_full', error.message);
    case 'file_not_found':
      return failureOf('data_error', error.message);
    case 'model_not_found':
    case 'model_not_ready':
    case 'model_refused':
      return failureOf('model_error', error.message);
    case 'artifact_corrupt':
      return failureOf('checkpoint_corrupt', error.message);
    default:
      return null;
  }
}

/** How a worker that said nothing of its end came to it. */
export function describeExit(exit: AttemptExit | null): string {
  if (exit?.outOfMemory) return 'the system killed the worker because memory ran out';
  if (exit?.signal) return `the worker was killed by signal ${exit.signal}`;
  if (exit?.exitCode !== null && exit?.exitCode !== undefined) return `the worker ended with exit code ${exit.exitCode}`;
  return 'the worker is gone';
}
