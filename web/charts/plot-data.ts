/** The numbers of a chart: one axis of steps for all its curves, with a smoothed line beside the band of extremes. */
import type { Curve } from '#contract/series.ts';

export interface PlotCurve {
  label: string;
  curve: Curve;
  /** `trend`: the band of extremes, the values, and a smoothed line over them. `line`: without the last. `points`: each value marked. */
  kind: 'trend' | 'line' | 'points';
  colour: string;
}

/** Exponential moving average, corrected for its start, over about a fiftieth of the points. */
export function smoothed(values: readonly number[]): number[] {
  const window = Math.max(1, values.length / 50);
  const keep = 1 - 1 / window;
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

export type Columns = [number[], ...(number | null)[][]];

const sourcesOf: Record<PlotCurve['kind'], (curve: Curve) => number[][]> = {
  trend: (curve) => [curve.max, curve.min, curve.mean, smoothed(curve.mean)],
  line: (curve) => [curve.max, curve.min, curve.mean],
  points: (curve) => [curve.mean],
};

/** Neighbours merged until there are at most so many points; the extremes stay. */
export function thinned(curve: Curve, most: number): Curve {
  const group = Math.ceil(curve.step.length / Math.max(2, most));
  if (group <= 1) return curve;
  const thin: Curve = { step: [], mean: [], min: [], max: [] };
  for (let from = 0; from < curve.step.length; from += group) {
    const to = Math.min(from + group, curve.step.length);
    let [sum, min, max] = [0, Infinity, -Infinity];
    for (let index = from; index < to; index++) {
      sum += curve.mean[index]!;
      min = Math.min(min, curve.min[index]!);
      max = Math.max(max, curve.max[index]!);
    }
    thin.step.push(curve.step[to - 1]!);
    thin.mean.push(sum / (to - from));
    thin.min.push(min);
    thin.max.push(max);
  }
  return thin;
}

/** Columns for each curve: `trend` has max, min, mean and smoothed; `points` has its mean. Steps where a curve has no point are null. */
export function plotColumns(curves: readonly PlotCurve[]): Columns {
  const steps = curves.length === 1 ? [...curves[0]!.curve.step] : unionOf(curves.map(({ curve }) => curve.step));
  const columns = curves.flatMap(({ curve, kind }) => {
    const sources = sourcesOf[kind](curve);
    return sources.map((source) => spread(steps, curve.step, source));
  });
  return [steps, ...columns];
}

function unionOf(lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())].sort((left, right) => left - right);
}

/** The values at their steps; null at the others. Both lists of steps ascend. */
function spread(steps: readonly number[], own: readonly number[], values: readonly number[]): (number | null)[] {
  if (steps.length === own.length) return [...values];
  let next = 0;
  return steps.map((step) => (own[next] === step ? values[next++]! : null));
}

/** The curve at a step: the newest point at or before it. */
export function valueAt(curve: Curve, step: number): number | null {
  const after = curve.step.findIndex((known) => known > step);
  const index = after === -1 ? curve.step.length - 1 : after - 1;
  return curve.mean[index] ?? null;
}

/** What one would say of the curve to somebody who does not see it. */
export function describeCurve(label: string, curve: Curve, format: (value: number) => string): string {
  const last = curve.step.length - 1;
  if (last < 0) return `${label}: no value yet.`;
  const lowest = curve.min.reduce((low, value) => Math.min(low, value));
  const highest = curve.max.reduce((high, value) => Math.max(high, value));
  const span = `${label}: ${format(curve.mean[0]!)} at step ${curve.step[0]}, ${format(curve.mean[last]!)} at step ${curve.step[last]}`;
  return `${span}; lowest ${format(lowest)}, highest ${format(highest)}.`;
}
