import { describe, expect, it } from 'vitest';
import type { ProbeLane, RunProbeAnswer } from '#contract/probe.ts';
import { joinAnswers, momentAt, stepsOf, timelineOf } from './timeline.ts';

const answer = (seq: number, lane: ProbeLane, step: number, probeId: string = 'probe-1'): RunProbeAnswer => ({
  probe_id: probeId,
  lane,
  step,
  text: `${lane} ${step} (${seq})`,
  tokens: 3,
  finish_reason: 'stop',
  reference_loss: null,
  first_token_seconds: 0.1,
  seconds: 0.2,
  waited_seconds: null,
  seq,
});

const answers = [
  answer(3, 'base', 0),
  answer(5, 'live', 10),
  answer(6, 'live', 10, 'probe-2'),
  answer(9, 'live', 20),
  answer(12, 'checkpoint', 25),
  answer(14, 'live', 30),
];

describe('the time machine of a probe', () => {
  it('goes back to every step that was answered, each lane as it was then', () => {
    const timeline = timelineOf(answers, 'probe-1');
    expect(stepsOf(timeline)).toEqual([10, 20, 30]);
    expect(momentAt(timeline, 20)).toMatchObject({ step: 20, base: { seq: 3 }, checkpoint: null, live: { seq: 9 } });
    expect(momentAt(timeline, 30)).toMatchObject({ checkpoint: { step: 25 }, live: { seq: 14 } });
  });

  it('shows the newest of every lane now', () => {
    const now = momentAt(timelineOf([...answers, answer(15, 'checkpoint', 30)], 'probe-1'), null);
    expect(now).toMatchObject({ step: 30, checkpoint: { seq: 15 }, live: { seq: 14 } });
    expect(momentAt(timelineOf([], 'probe-1'), null)).toEqual({ step: 0, base: null, checkpoint: null, live: null });
  });

  it('forgets what was answered by weights that a resume has thrown away', () => {
    const timeline = timelineOf([...answers, answer(20, 'live', 20)], 'probe-1');
    expect(stepsOf(timeline)).toEqual([10, 20]);
    expect(momentAt(timeline, 20).live?.seq).toBe(20);
  });

  it('has every answer once, whether it was listed, came later, or both', () => {
    const seqs = (all: readonly RunProbeAnswer[]): number[] => all.map(({ seq }) => seq);
    expect(seqs(joinAnswers(answers.slice(0, 4), answers.slice(2)))).toEqual([3, 5, 6, 9, 12, 14]);
    expect(seqs(joinAnswers([], answers))).toEqual([3, 5, 6, 9, 12, 14]);
    expect(joinAnswers(answers, answers.slice(3))).toBe(answers);
  });
});
