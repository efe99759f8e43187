/** What a model makes of each token of a row, by the weights as they were trained: one forward pass of the worker. */
import { createHash } from 'node:crypto';
import type { ScoredRow, ScoreResult, ScoreTask } from '#contract/parity.ts';

export interface ScoredModel {
  /** Folder of the base model. */
  modelDir: string;
  /** Folder of the adapter as PEFT reads it; null is the base model alone. */
  adapterDir: string | null;
}

/** Rows that are remembered: base and version of one row are asked for again and again. */
const mostRemembered = 200;

export class RowScorer {
  readonly #score: (task: ScoreTask) => Promise<ScoreResult>;
  readonly #remembered = new Map<string, Promise<ScoredRow>>();

  /** `score` is the launcher's. */
  constructor(score: (task: ScoreTask) => Promise<ScoreResult>) {
    this.#score = score;
  }

  /** One entry for each token but the first. Throws `worker_unavailable`, `disk_full`, `model_refused`. */
  async score({ modelDir, adapterDir }: ScoredModel, ids: number[]): Promise<ScoredRow> {
    if (ids.length < 2) return { logprobs: [], best: [] };
    const key = createHash('sha256')
      .update(JSON.stringify([modelDir, adapterDir, ids]))
      .digest('hex');
    const known = this.#remembered.get(key);
    if (known) return known;
    const task: ScoreTask = { model_dir: modelDir, adapter_dir: adapterDir, chat_template: null, threads: 1, prompts: [], rows: [ids] };
    const scored = this.#score(task).then(({ rows }) => rows[0]!);
    this.#remembered.set(key, scored);
    scored.catch(() => this.#remembered.delete(key));
    if (this.#remembered.size > mostRemembered) this.#remembered.delete(this.#remembered.keys().next().value!);
    return scored;
  }
}
