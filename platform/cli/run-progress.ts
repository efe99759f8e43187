/** Where a run stands, as its events tell it one after the other. */
import type { TrainingRunEvent } from '#contract/training-run.ts';

export interface RunProgress {
  /** In words: "Waiting", "Loading the base model", "Training". */
  phase: string;
  step: number;
  totalSteps: number | null;
  epoch: number | null;
  /** Training loss of the steps so far, in nats. */
  losses: number[];
  /** Loss on the validation file, newest last. */
  evaluations: { step: number; loss: number }[];
  tokensPerSecond: number | null;
  memoryBytes: number | null;
  etaSeconds: number | null;
  /** Unix seconds of the first and the last event. */
  startedAt: number | null;
  lastAt: number | null;
  /** Whether the last event there will be has come. */
  isOver: boolean;
}

export function startProgress(): RunProgress {
  const nothingYet = {
    totalSteps: null,
    epoch: null,
    tokensPerSecond: null,
    memoryBytes: null,
    etaSeconds: null,
    startedAt: null,
    lastAt: null,
  };
  return { phase: 'Waiting', step: 0, losses: [], evaluations: [], isOver: false, ...nothingYet };
}

/** Takes one event in. */
export function advance(progress: RunProgress, { event, message, data, created_at }: TrainingRunEvent): void {
  const numberOf = (name: string): number | null => (typeof data[name] === 'number' ? data[name] : null);
  progress.startedAt ??= created_at;
  progress.lastAt = created_at;
  progress.totalSteps = numberOf('total_steps') ?? progress.totalSteps;
  switch (event) {
    case 'run-step':
      progress.phase = 'Training';
      progress.step = numberOf('step') ?? progress.step;
      progress.epoch = numberOf('epoch');
      progress.losses.push(numberOf('train_loss') ?? Number.NaN);
      progress.tokensPerSecond = numberOf('tokens_per_second');
      progress.memoryBytes = numberOf('memory_bytes');
      progress.etaSeconds = numberOf('eta_seconds');
      break;
    case 'run-evaluated':
      progress.evaluations.push({ step: numberOf('step') ?? progress.step, loss: numberOf('full_valid_loss') ?? Number.NaN });
      break;
    case 'run-queued':
    case 'run-phase':
    case 'run-paused':
      progress.phase = message;
      break;
    case 'run-ended':
    case 'run-failed':
    case 'run-cancelled':
      progress.phase = event === 'run-ended' ? 'Done' : event === 'run-failed' ? 'Failed' : 'Cancelled';
      progress.isOver = true;
      break;
  }
}
