/**
 * One context of each base made ahead, so that a new version need not wait for it: its memory is set aside and cleared, and takes
 * most of the time that loading takes (seen: 500 of 600 ms).
 */
import type { LlamaContext } from 'node-llama-cpp';
import { disposeContext } from './native.ts';
import type { LoadedBase } from './version-context.ts';

/** A larger one is not made before somebody needs it. */
const mostSpareBytes = 512 * 2 ** 20;

export class SpareContexts {
  readonly #make: (base: LoadedBase) => Promise<LlamaContext>;
  readonly #spares = new Map<LoadedBase, Promise<LlamaContext | null>>();

  /** `make` makes a context without an adapter. */
  constructor(make: (base: LoadedBase) => Promise<LlamaContext>) {
    this.#make = make;
  }

  /** The one made ahead, or one made now. Throws what `make` throws. */
  async take(base: LoadedBase): Promise<LlamaContext> {
    const spare = this.#spares.get(base);
    this.#spares.delete(base);
    return (await spare) ?? this.#make(base);
  }

  /** Begins to make one, unless there is one, or where memory is not plenty: `bytes` is what it takes. Never throws. */
  prepare(base: LoadedBase, bytes: number): void {
    if (this.#spares.has(base) || bytes > mostSpareBytes || base.llama.gpu !== false) return;
    // Whoever needs one makes it then, and hears what is wrong.
    this.#spares.set(
      base,
      this.#make(base).catch(() => null),
    );
  }

  /** Before the base is freed. */
  async drop(base: LoadedBase): Promise<void> {
    const spare = this.#spares.get(base);
    this.#spares.delete(base);
    const context = await spare;
    if (context) await disposeContext(context);
  }
}
