/** Why a generation was stopped before its end: the reason that an AbortSignal of this room carries. */
import type { AbortReason } from '#platform/monitoring/metrics.ts';

export class GenerationAborted extends Error {
  readonly reason: AbortReason;

  constructor(reason: AbortReason) {
    super(`the generation was stopped: ${reason}`);
    this.name = 'GenerationAborted';
    this.reason = reason;
  }
}
