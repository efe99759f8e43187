import { describe, expect, it } from 'vitest';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { duration, runBlock, runLine, sparkline } from './run-block.ts';
import { advance, startProgress } from './run-progress.ts';

describe('the progress of a run', () => {
  it('shows bar, step, losses, speed and the time left', () => {
    const progress = startProgress();
    advance(progress, event('run-phase', { phase: 'loading' }, 'Loading the base model'));
    for (let step = 1; step <= 50; step++) {
      const figures = { tokens_per_second: 134.2, memory_bytes: 900 * 2 ** 20, eta_seconds: 64 };
      advance(progress, event('run-step', { step, total_steps: 100, epoch: step / 20, train_loss: 3 - step / 25, ...figures }));
    }
    advance(progress, event('run-evaluated', { step: 40, full_valid_loss: 1.5 }));
    advance(progress, event('run-evaluated', { step: 50, full_valid_loss: 1.75 }));
    expect(runBlock(progress, 65)).toEqual([
      '  ████████████████░░░░░░░░░░░░░░░░  50 %   Training',
      '  step 50 of 100   epoch 2.5',
      '  loss 1.000  ███▇▇▇▆▆▆▅▅▄▄▄▃▃▃▂▂▂▁   eval loss 1.750 (best 1.500 at step 40)'.replace(/[▁-█]+/, sparkline(progress.losses)),
      '  134 tokens/s   900 MiB   1m05s so far   1m04s left',
    ]);
    expect(runLine(progress)).toBe('  step 50/100  loss 1.000  eval loss 1.750  134 tokens/s  1m04s left');
  });

  it('says what is going on before the first step', () => {
    const progress = startProgress();
    advance(progress, event('run-phase', { phase: 'loading' }, 'Loading the base model'));
    expect(runBlock(progress, 2)[0]).toBe(`  ${'░'.repeat(32)}   0 %   Loading the base model`);
  });

  it('draws a falling loss as falling bars, and a flat one without dividing by nothing', () => {
    expect(sparkline([4, 3, 2, 1])).toBe('█▆▃▁');
    expect(sparkline([2, 2])).toBe('▁▁');
    expect(sparkline([])).toBe('');
    expect(sparkline(Array.from({ length: 1000 }, (_, index) => index))).toHaveLength(24);
  });

  it('writes times as one reads them', () => {
    expect([0, 59.4, 59.6, 185, 7800].map(duration)).toEqual(['0 s', '59 s', '1m00s', '3m05s', '2h10m']);
  });
});

function event(name: string, data: Record<string, unknown>, message = ''): TrainingRunEvent {
  return { id: 'e', object: 'fine_tuning.job.event', created_at: 1, level: 'info', message, type: 'metrics', data, seq: 1, event: name };
}
