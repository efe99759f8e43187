import { describe, expect, it } from 'vitest';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { phasesOf, totalsOf } from './phases.ts';

const event = (at: number, name: string, data: Record<string, unknown> = {}) => ({ created_at: at, event: name, data }) as TrainingRunEvent;
const phase = (at: number, name: string) => event(at, 'run-phase', { phase: name });

describe('the phases of a run', () => {
  it('follow each other without a hole, and add up to its time', () => {
    const events = [
      event(12, 'run-started'),
      phase(13, 'loading'),
      phase(20, 'training'),
      phase(50, 'evaluating'),
      phase(55, 'training'),
      event(90, 'run-ended'),
    ];
    const totals = totalsOf(phasesOf(10, events), 1000);
    expect(totals).toEqual([
      { name: 'queued', seconds: 2, isNow: false },
      { name: 'starting', seconds: 1, isNow: false },
      { name: 'loading', seconds: 7, isNow: false },
      { name: 'training', seconds: 65, isNow: false },
      { name: 'evaluating', seconds: 5, isNow: false },
    ]);
    expect(totals.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(80);
  });

  it('go on until something else comes', () => {
    const phases = phasesOf(10, [event(11, 'run-started'), phase(12, 'training'), event(13, 'run-step'), phase(14, 'training')]);
    expect(totalsOf(phases, 100).at(-1)).toEqual({ name: 'training', seconds: 88, isNow: true });
  });
});
