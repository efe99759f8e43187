import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunState, terminalStates } from '#contract/training.ts';
import { nextState, runStates, transitionOf, type RunTransition } from './run-states.ts';

const transitions: RunTransition[] = ['validate', 'start', 'retry', 'pause', 'resume', 'succeed', 'fail', 'cancel'];

describe('the states of a run', () => {
  it('are those of the contract', () => {
    expect(Object.keys(runStates).toSorted()).toEqual(RunState.options.toSorted());
  });

  it('lead from each transition to one state, wherever it starts', () => {
    for (const transition of transitions) {
      const { from, to } = transitionOf(transition);
      expect(from.length).toBeGreaterThan(0);
      for (const state of from) expect(nextState(state, transition)).toBe(to);
    }
  });

  it('never leave a state that is terminal, and always leave the others for one', () => {
    for (const state of RunState.options) {
      expect(transitions.every((transition) => nextState(state, transition) === null)).toBe(terminalStates.includes(state));
      if (!terminalStates.includes(state)) expect(nextState(state, 'cancel')).toBe('cancelled');
    }
  });

  it('stay within their table whatever happens in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...transitions), { maxLength: 60 }), (happenings) => {
        let state: RunState = 'validating_files';
        for (const happening of happenings) {
          const next = nextState(state, happening);
          if (terminalStates.includes(state)) expect(next).toBeNull();
          state = next ?? state;
          expect(RunState.options).toContain(state);
        }
      }),
    );
  });
});
