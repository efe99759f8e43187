/** Notices a training loss that climbs away from where it was: a warning, once an attempt; what to do about it is a person's choice. */
import type { WorkerEvent } from '#contract/worker.ts';
import type { NewEvent } from './write-run.ts';

/** Means of so many steps are compared: one bad batch is no divergence. */
const window = 10;
/** In nats above the best mean, or half of it where that is more. */
const leastRise = 0.5;

export class LossWatch {
  readonly #recent: number[] = [];
  #best: { loss: number; step: number } | null = null;
  #hasWarned = false;

  /** The warning that this event calls for. */
  note(event: WorkerEvent): NewEvent[] {
    if (event.type !== 'run-step' || this.#hasWarned) return [];
    this.#recent.push(event.loss);
    if (this.#recent.length > window) this.#recent.shift();
    if (this.#recent.length < window) return [];
    const loss = this.#recent.reduce((sum, one) => sum + one, 0) / window;
    if (this.#best === null || loss < this.#best.loss) {
      this.#best = { loss, step: event.step };
      return [];
    }
    const { loss: best, step } = this.#best;
    if (loss < best + Math.max(leastRise, Math.abs(best) / 2)) return [];
    this.#hasWarned = true;
    const message =
      `The training loss climbs: ${loss.toPrecision(3)} over the last ${window} steps, after ${best.toPrecision(3)} at step ${step}. ` +
      `Try a lower learning_rate; checkpoints up to step ${step} answer as before`;
    return [{ type: 'run-diverging', level: 'warn', message, data: { step: event.step, loss, best_loss: best, best_step: step } }];
  }
}
