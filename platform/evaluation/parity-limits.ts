/** How near served and trained must be: rounding is allowed, a fault is not. */
import type { GgufWeights } from '#platform/models/gguf-weights.ts';
import type { ParityLimits } from './compare-answers.ts';

/** Both sides hold the same numbers; what differs is the order of sums and the keys and values kept in 16 bits. */
const exact: ParityLimits = { tolerance: 0.02, largest_allowed: 0.1, mean_allowed: 0.01 };
/**
 * Both sides hold the same weights, de-quantised for training; serving multiplies them with activations rounded to 8 bits. Seen on
 * the demo model (Q4_1), 397 places: 0.19 at most, 0.014 on average, ties up to 0.17; with permuted heads 0.91 and 0.059.
 */
const quantised: ParityLimits = { tolerance: 0.35, largest_allowed: 0.6, mean_allowed: 0.04 };

export function limitsOf(weights: GgufWeights): ParityLimits {
  return weights.isQuantised ? quantised : exact;
}
