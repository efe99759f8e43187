/** What can still be done with a run in each state; every state is named, so that a new one of the contract is not forgotten. */
import type { RunState } from '#contract/training.ts';

const over: Record<RunState, boolean> = {
  validating_files: false,
  queued: false,
  running: false,
  paused: false,
  succeeded: true,
  failed: true,
  cancelled: true,
};

/** Nothing changes about it any more. */
export function isOver(status: RunState): boolean {
  return over[status];
}
