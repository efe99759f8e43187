/** The states of a run and what leads from one to the other: the only table of them. */
import type { RunState } from '#contract/training.ts';

/** What can happen to a run. `retry` is a new attempt after the worker was lost. */
export type RunTransition = 'validate' | 'start' | 'retry' | 'pause' | 'resume' | 'succeed' | 'fail' | 'cancel';

/** State × what happens → next state; what is not here cannot happen. */
export const runStates: Record<RunState, Partial<Record<RunTransition, RunState>>> = {
  validating_files: { validate: 'queued', cancel: 'cancelled', fail: 'failed' },
  queued: { start: 'running', pause: 'paused', cancel: 'cancelled', fail: 'failed' },
  running: { retry: 'running', pause: 'paused', cancel: 'cancelled', succeed: 'succeeded', fail: 'failed' },
  paused: { resume: 'queued', cancel: 'cancelled', fail: 'failed' },
  succeeded: {},
  failed: {},
  cancelled: {},
};

export function nextState(state: RunState, transition: RunTransition): RunState | null {
  return runStates[state][transition] ?? null;
}

/** From which states a transition is possible, and the one state it leads to. */
export function transitionOf(transition: RunTransition): { from: RunState[]; to: RunState } {
  const from = (Object.keys(runStates) as RunState[]).filter((state) => nextState(state, transition) !== null);
  return { from, to: nextState(from[0]!, transition)! };
}
