import { expect, it } from 'vitest';
import { stepsWithin } from './steps-within.ts';

const parts = { starting: 10, training: 90, evaluating: 0, saving: 0, probing: 0 };
const plan = { time_seconds: { p50: 100, p90: 120 }, total_steps: 90, parts };

it('leaves room for the start of the run, and for a slow one', () => {
  // Of 60 s a slow start takes 12; a step then takes 1.2 s.
  expect(stepsWithin(60, plan)).toBe(40);
});

it('is never more than the run has, and nothing when not one step fits', () => {
  expect(stepsWithin(1e6, plan)).toBe(90);
  expect(stepsWithin(12, plan)).toBeNull();
});

it('is not known without a measured time', () => {
  expect(stepsWithin(60, { ...plan, time_seconds: null })).toBeNull();
  expect(stepsWithin(60, { ...plan, total_steps: null })).toBeNull();
});
