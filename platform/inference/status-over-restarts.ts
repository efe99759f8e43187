/** An engine's status over all its processes: tokens counted by one that has ended stay counted. */
import type { EngineStatus } from './engine.ts';

const nothing = { memoryBytes: 0, gpuMemoryBytes: 0, active: 0, waiting: 0, versions: [] };

export class StatusOverRestarts {
  #earlierTokens = 0;
  #last: { pid: number; generatedTokens: number } | null = null;

  /** `pid` is of the process that runs now, null when none does; `ask` asks it. */
  async read(pid: number | null, ask: () => Promise<EngineStatus>): Promise<EngineStatus> {
    if (this.#last !== null && this.#last.pid !== pid) {
      this.#earlierTokens += this.#last.generatedTokens;
      this.#last = null;
    }
    if (pid === null) return { ...nothing, generatedTokens: this.#earlierTokens };
    const status = await ask();
    this.#last = { pid, generatedTokens: status.generatedTokens };
    return { ...status, generatedTokens: status.generatedTokens + this.#earlierTokens };
  }
}
