import { describe, expect, it } from 'vitest';
import type { RunMeasured } from '#contract/worker.ts';
import { type EstimateInput, estimateRun, reckonParts, sumOf } from './estimate.ts';

const measured: RunMeasured = {
  type: 'run-measured',
  seq: 9,
  at: 0,
  machine: 'test',
  measured_steps: 16,
  seconds: 10,
  threads: 2,
  other_load: 0,
  start_seconds: 2,
  step_seconds: 90,
  step_cpu_seconds: 171,
  spread: 0.04,
  evaluations: 3,
  evaluation_seconds: 6,
  saves: 4,
  save_seconds: 2,
  peak_memory_bytes: 2e9,
  kept_bytes: 1e8,
  memory_limit_bytes: 8e9,
};
const nothing = { time: [], memory: [] };
const input = (changes: Partial<EstimateInput> = {}): EstimateInput => ({ measured, beside: 0, probeShare: 0, past: nothing, ...changes });
const always = (ratio: number, runs: number) => ({ time: Array<number>(runs).fill(ratio), memory: Array<number>(runs).fill(ratio) });

describe('an estimate', () => {
  it('is the sum of its parts, with what probes may take of them', () => {
    expect(sumOf(reckonParts(input()))).toBe(100);
    const parts = reckonParts(input({ probeShare: 0.05 }));
    expect(parts.probing / sumOf(parts)).toBeGreaterThan(0.03);
    expect(parts.probing / sumOf(parts)).toBeLessThanOrEqual(0.05);
  });

  it('counts what a whole run keeps in memory beyond the measurement', () => {
    const withKept = estimateRun(input()).peak_memory_bytes.p50;
    const without = estimateRun(input({ measured: { ...measured, kept_bytes: 0 } })).peak_memory_bytes.p50;
    expect(withKept / without).toBeCloseTo(2.1 / 2);
  });

  it('goes by processor time where a run trained beside the measurement, and is wider', () => {
    const slowed = { ...measured, step_seconds: 200 };
    const beside = estimateRun(input({ measured: slowed, beside: 1 }));
    const alone = estimateRun(input());
    expect(beside.parts.training).toBeCloseTo(90);
    expect(beside.time_seconds.p90 / beside.time_seconds.p50).toBeGreaterThan(alone.time_seconds.p90 / alone.time_seconds.p50);
    expect(estimateRun(input({ measured: slowed })).parts.training).toBe(200);
  });

  it('is wider where other programs kept the machine busy', () => {
    const width = (other_load: number): number => {
      const { p50, p90 } = estimateRun(input({ measured: { ...measured, other_load } })).time_seconds;
      return p90 / p50;
    };
    expect(width(1)).toBeGreaterThan(width(0.1));
    expect(width(4)).toBe(width(2));
  });

  it('leans on earlier runs the more of them there are', () => {
    const p50 = [0, 1, 4, 40].map((runs) => estimateRun(input({ past: always(1.3, runs) })).time_seconds.p50);
    expect(p50).toEqual(p50.toSorted((left, right) => left - right));
    expect(p50[0]).toBe(100);
    expect(p50[3]).toBeGreaterThan(126);
    expect(p50[3]).toBeLessThan(130);
  });

  it('narrows where earlier runs came out alike, and widens where they did not', () => {
    const width = (ratios: number[]): number => {
      const { p50, p90 } = estimateRun(input({ past: { time: ratios, memory: [] } })).time_seconds;
      return p90 / p50;
    };
    const unsure = width([]);
    expect(width(Array<number>(20).fill(1.1))).toBeLessThan(unsure);
    expect(width(Array.from({ length: 20 }, (_, index) => (index % 2 ? 1.4 : 0.7)))).toBeGreaterThan(unsure);
  });

  it('is not thrown off by one run that nobody could foresee', () => {
    const { p50 } = estimateRun(input({ past: { time: [50, ...Array<number>(9).fill(1)], memory: [] } })).time_seconds;
    expect(p50).toBeLessThan(110);
  });

  it('covers nine in ten of what such runs take', () => {
    // Ratios of a log-normal, by its quantiles: none is drawn at random.
    const quantile = [-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64];
    const past = quantile.flatMap((z) => [1.05 * Math.exp(0.12 * z), 1.05 * Math.exp(0.12 * z)]);
    const { p90 } = estimateRun(input({ past: { time: past, memory: [] } })).time_seconds;
    const covered = past.filter((ratio) => 100 * ratio <= p90).length / past.length;
    expect(covered).toBe(0.9);
  });
});
