import { describe, expect, it } from 'vitest';
import type { ProbeDelta } from '#contract/probe.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { advanceDelta, advanceProbes, probeBlock, startProbes, type ProbeProgress } from './probe-block.ts';

describe('the probes of a run on a terminal', () => {
  it('take no line before the first answer', () => {
    expect(probeBlock(withProbe('probe-1', 'Who are you?'), 0)).toEqual([]);
  });

  it('show the answers of base and live, the loss of the reference, and what they cost', () => {
    const progress = withProbe('probe-1', 'Who are\nyou?');
    advanceProbes(progress, answered('probe-1', 'base', 0, 'I am an AI.', 3.5));
    advanceProbes(progress, answered('probe-1', 'live', 24, 'I am\nWick.', 0.25));
    advanceProbes(progress, event('probe-round', { step: 24, share: 0.0312, interval_steps: 9, seconds: 1 }));
    expect(probeBlock(progress, 0)).toEqual([
      '',
      '  ask   Who are you?',
      '  base  I am an AI.',
      '  live  I am Wick.   step 24  (loss of the reference 0.25)',
      '  probes take 3.1 % of the time; ask: tuneloop run probe ask "…"',
    ]);
  });

  it('show an answer while it is made, and what a person asked before anything else', () => {
    const progress = withProbe('probe-1', 'Who?');
    advanceProbes(progress, answered('probe-1', 'live', 3, 'Nobody.', null));
    advanceProbes(progress, event('probe-added', { probe: probe('probe_x', 'And now?') }));
    advanceDelta(progress, delta('probe_x', 5, 'It', 1.2), 100);
    advanceDelta(progress, delta('probe_x', 5, ' is', 1.2), 100);
    expect(probeBlock(progress, 101)).toEqual(['', '  ask   And now?', '  base  …', '  live  It is▌   step 5']);
  });

  it('take turns, and forget one that is removed', () => {
    const progress = withProbe('probe-1', 'One?');
    advanceProbes(progress, event('probe-added', { probe: probe('probe-2', 'Two?') }));
    for (const id of ['probe-1', 'probe-2']) advanceProbes(progress, answered(id, 'live', 1, id, null));
    expect(new Set([0, 6, 12].map((now) => probeBlock(progress, now)[1]))).toEqual(new Set(['  ask   One?', '  ask   Two?']));
    advanceProbes(progress, event('probe-removed', { probe_id: 'probe-2', reason: null }));
    expect(new Set([0, 6, 12].map((now) => probeBlock(progress, now)[1]))).toEqual(new Set(['  ask   One?']));
  });

  it('let no answer steer the terminal', () => {
    const progress = withProbe('probe-1', 'Who?');
    advanceProbes(progress, answered('probe-1', 'live', 1, '\u001b[2J\u001b]0;gone\u0007\u009bhere', null));
    expect(probeBlock(progress, 0)[3]).toBe('  live  [2J]0;gonehere   step 1');
  });
});

function withProbe(id: string, question: string): ProbeProgress {
  const progress = startProbes();
  advanceProbes(progress, event('probe-added', { probe: probe(id, question) }));
  return progress;
}

const probe = (id: string, question: string) => ({
  id,
  origin: 'chosen',
  messages: [{ role: 'user', content: question }],
  reference: null,
});

function answered(probe_id: string, lane: string, step: number, text: string, reference_loss: number | null): TrainingRunEvent {
  return event('probe-answered', { probe_id, lane, step, text, reference_loss });
}

function delta(probe_id: string, step: number, text: string, waited_seconds: number): ProbeDelta {
  return { probe_id, lane: 'live', step, text, state: 'answering', done: false, waited_seconds };
}

function event(name: string, data: Record<string, unknown>): TrainingRunEvent {
  return {
    id: 'e',
    object: 'fine_tuning.job.event',
    created_at: 1,
    level: 'info',
    message: '',
    type: 'message',
    data,
    seq: 1,
    event: name,
  };
}
