import { describe, expect, it } from 'vitest';
import { describeCurve, plotColumns, smoothed, thinned, valueAt } from './plot-data.ts';

const curve = (step: number[], mean: number[]) => ({
  step,
  mean,
  min: mean.map((value) => value - 1),
  max: mean.map((value) => value + 1),
});

describe('the numbers of a chart', () => {
  it('stand on one axis of steps, empty where a curve has no point', () => {
    const columns = plotColumns([
      { label: 'loss', kind: 'trend', colour: 'accent', curve: curve([1, 2, 4], [3, 2, 1]) },
      { label: 'validation', kind: 'points', colour: 'warn', curve: curve([2, 5], [9, 8]) },
    ]);
    expect(columns[0]).toEqual([1, 2, 4, 5]);
    expect(columns[1]).toEqual([4, 3, 2, null]);
    expect(columns[2]).toEqual([2, 1, 0, null]);
    expect(columns[3]).toEqual([3, 2, 1, null]);
    expect(columns[5]).toEqual([null, 9, null, 8]);
  });

  it('keep the extremes, however smooth the line over them', () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index === 500 ? 100 : 1));
    expect(Math.max(...smoothed(values))).toBeLessThan(10);
    const columns = plotColumns([{ label: 'loss', kind: 'trend', colour: 'accent', curve: curve([...values.keys()], values) }]);
    expect(Math.max(...(columns[1] as number[]))).toBe(101);
  });

  it('keep every extreme when there are more of them than pixels', () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index === 500 ? 100 : 1));
    const thin = thinned(curve([...values.keys()], values), 100);
    expect(thin.step).toHaveLength(100);
    expect(thin.step.at(-1)).toBe(999);
    expect(Math.max(...thin.max)).toBe(101);
    expect(Math.min(...thin.min)).toBe(0);
    expect(thinned(thin, 100)).toBe(thin);
  });

  it('are smoothed without a jump at the start, and not at all while there are few', () => {
    expect(smoothed([5, 1, 3])).toEqual([5, 1, 3]);
    expect(smoothed(Array.from({ length: 500 }, () => 7)).every((value) => Math.abs(value - 7) < 1e-9)).toBe(true);
  });

  it('are read at any step, and told in words', () => {
    const loss = curve([1, 10, 20], [3, 2, 1]);
    expect([0, 1, 15, 99].map((step) => valueAt(loss, step))).toEqual([null, 3, 2, 1]);
    expect(describeCurve('Loss', loss, String)).toBe('Loss: 3 at step 1, 1 at step 20; lowest 0, highest 4.');
    expect(describeCurve('Loss', curve([], []), String)).toBe('Loss: no value yet.');
  });
});
