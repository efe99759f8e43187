import { describe, expect, it } from 'vitest';
import type { TrainingSeries } from '#contract/series.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { noCurves } from './curves.ts';
import { LiveRun } from './live-run.ts';

const event = (seq: number, name: string, data: Record<string, unknown> = {}): TrainingRunEvent => ({
  id: `ftevent-${seq}`,
  object: 'fine_tuning.job.event',
  created_at: 0,
  level: 'info',
  message: '',
  type: 'message',
  data,
  seq,
  event: name,
});
const step = (seq: number, number: number, loss: number): TrainingRunEvent => event(seq, 'run-step', { step: number, train_loss: loss });

function series(lastSeq: number, steps: number[], losses: number[]): TrainingSeries {
  const loss = { step: steps, mean: losses, min: losses, max: losses };
  return {
    object: 'training.series',
    job_id: 'ftjob-1',
    last_seq: lastSeq,
    last_step: steps.at(-1) ?? 0,
    series: { ...noCurves(), loss: structuredClone(loss) },
  };
}

describe('a run that is followed', () => {
  it('takes every event once, however often a stream tells it, and none after a gap', () => {
    const live = new LiveRun(series(4, [1, 2], [3, 2]));
    expect([4, 5, 6, 5, 6, 8, 7, 8].map((seq) => live.receive(step(seq, seq - 2, 1)))).toEqual([
      'known',
      'taken',
      'taken',
      'known',
      'known',
      'gap',
      'taken',
      'taken',
    ]);
    expect(live.newestSeq).toBe(8);
    expect(live.flush().map(({ seq }) => seq)).toEqual([5, 6, 7, 8]);
    expect(live.curves.loss.step).toEqual([1, 2, 3, 4, 5, 6]);
    expect(live.flush()).toEqual([]);
  });

  it('shows a step that is trained again as it was last, and asks for the summary anew', () => {
    const live = new LiveRun(series(5, [1, 2, 3, 4], [4, 4, 4, 4]));
    live.receive(event(6, 'run-started'));
    live.receive(step(7, 3, 9));
    live.flush();
    expect(live.curves.loss).toMatchObject({ step: [1, 2, 3], mean: [4, 4, 9] });
    expect(live.isStale).toBe(true);
    live.receive(step(8, 4, 8));
    live.flush();
    live.refresh(series(7, [1, 2, 3], [4, 4, 9]));
    expect(live.curves.loss.step).toEqual([1, 2, 3, 4]);
    expect(live.isStale).toBe(false);
  });

  it('puts evaluations beside the steps', () => {
    const live = new LiveRun(series(2, [1, 2], [3, 2]));
    live.receive(event(3, 'run-evaluated', { step: 2, full_valid_loss: 2.5 }));
    live.flush();
    expect(live.curves.eval_loss).toMatchObject({ step: [2], mean: [2.5] });
    expect(live.curves.loss.step).toEqual([1, 2]);
  });

  it('asks for a summary before there are too many points to draw', () => {
    const live = new LiveRun(series(0, [], []));
    for (let seq = 1; seq <= 4000; seq++) live.receive(step(seq, seq, 1));
    live.flush();
    expect(live.isStale).toBe(true);
    live.refresh(series(3000, [1500, 3000], [1, 1]));
    expect(live.curves.loss.step.length).toBe(1002);
  });

  it('lets go of events that the log has, and of no other', () => {
    const live = new LiveRun(series(0, [], []));
    for (let seq = 1; seq <= 5; seq++) live.receive(step(seq, seq, 1));
    live.flush();
    live.forget(3);
    expect(live.events.map(({ seq }) => seq)).toEqual([4, 5]);
  });
});
