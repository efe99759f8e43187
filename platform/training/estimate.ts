/** From what was measured to what a run will take: the sum of its parts, corrected by how earlier estimates came true. */
import type { Quantiles, RunEstimate } from '#contract/plan.ts';
import type { RunMeasured } from '#contract/worker.ts';

/** Of earlier runs on the same machine: what they took over what was reckoned before correction. */
export interface PastRatios {
  time: number[];
  memory: number[];
}

/**
 * What is believed before any run was scored, as heavy as so many runs: the median of actual over reckoned, and the standard deviation
 * of its logarithm. Figures of the demo model on two cores (docs/training.md, "Plan").
 */
const prior = {
  time: { factor: 1, spread: 0.1, runs: 4 },
  memory: { factor: 1.03, spread: 0.04, runs: 4 },
};
/** Ratios further off than this were made by something that no estimate can know; they count as this much. */
const mostRatio = 2;
/** Of the logarithm, besides all else: a measurement beside a run, which is over when the planned one begins. */
const besideSpread = 0.15;
/** The same for one beside other programs that took all of the processor; they may end, or go on, or grow. */
const busySpread = 0.3;
/** Of the processor time that its threads could use, what training uses undisturbed. */
const undisturbedUse = 0.95;
/** Standard normal quantile of p90. */
const z90 = 1.2816;

export interface EstimateInput {
  measured: RunMeasured;
  /** Runs that trained beside the measurement. */
  beside: number;
  /** Share of the wall time that probes may take, 0 to 0.5. */
  probeShare: number;
  past: PastRatios;
}

/** Uncorrected seconds of a run, by part. */
export function reckonParts({ measured, beside, probeShare }: Omit<EstimateInput, 'past'>): RunEstimate['parts'] {
  // Beside a run the steps waited for the processor: what they used of it says what they take once that run is done.
  const undisturbed = measured.step_cpu_seconds / (measured.threads * undisturbedUse);
  const training = beside > 0 ? Math.min(measured.step_seconds, undisturbed) : measured.step_seconds;
  const [starting, evaluating, saving] = [measured.start_seconds, measured.evaluation_seconds, measured.save_seconds];
  const probing = (probeShare / (1 - probeShare)) * (training + evaluating + saving);
  return { starting, training, evaluating, saving, probing };
}

export function sumOf(parts: RunEstimate['parts']): number {
  return Object.values(parts).reduce((sum, seconds) => sum + seconds, 0);
}

/** Peak memory before correction. */
export function reckonMemory(measured: RunMeasured): number {
  return measured.peak_memory_bytes + measured.kept_bytes;
}

export function estimateRun(input: EstimateInput): RunEstimate {
  const { measured, beside, past } = input;
  const parts = reckonParts(input);
  const reckoned = sumOf(parts);
  const ofSteps = measured.spread / Math.sqrt(Math.max(1, measured.measured_steps - 1));
  const ofOthers = beside > 0 ? besideSpread : busySpread * Math.min(1, measured.other_load / measured.threads);
  const time = corrected(reckoned, prior.time, past.time, Math.hypot(ofSteps, ofOthers));
  const scale = time.p50 / reckoned;
  return {
    time_seconds: time,
    parts: {
      starting: parts.starting * scale,
      training: parts.training * scale,
      evaluating: parts.evaluating * scale,
      saving: parts.saving * scale,
      probing: parts.probing * scale,
    },
    peak_memory_bytes: corrected(reckonMemory(measured), prior.memory, past.memory, 0),
    scored_runs: past.time.length,
  };
}

/**
 * Normal in the logarithm: mean and variance of the past ratios, drawn towards the prior. The quantile grows as few runs are known, as
 * Student's does (first term of its Cornish-Fisher expansion).
 */
function corrected(reckoned: number, believed: typeof prior.time, ratios: number[], moreSpread: number): Quantiles {
  const logs = ratios.map((ratio) => Math.log(Math.min(mostRatio, Math.max(1 / mostRatio, ratio))));
  const weight = believed.runs + logs.length;
  const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);
  const mean = (believed.runs * Math.log(believed.factor) + total(logs)) / weight;
  const variance = (believed.runs * believed.spread ** 2 + total(logs.map((log) => (log - mean) ** 2))) / weight;
  const quantile = z90 + (z90 ** 3 + z90) / (4 * weight);
  const p50 = reckoned * Math.exp(mean);
  return { p50, p90: p50 * Math.exp(quantile * Math.hypot(Math.sqrt(variance), moreSpread)) };
}
