/** The measurements of this process: one at a time, each of which can be ended before it has. */

interface Place {
  abort: AbortController;
  /** Null while it waits for those before it. */
  ended: Promise<void> | null;
}

export class PlanQueue {
  readonly #places = new Map<string, Place>();
  #last: Promise<void> = Promise.resolve();

  /** Whether it waits or is going on here. */
  has(planId: string): boolean {
    return this.#places.has(planId);
  }

  /** `measure` is called once those before it are done, and not at all when it was ended before; it never throws. */
  add(planId: string, measure: (signal: AbortSignal) => Promise<void>): void {
    const place: Place = { abort: new AbortController(), ended: null };
    this.#places.set(planId, place);
    this.#last = this.#last.then(async () => {
      if (place.abort.signal.aborted) return;
      place.ended = measure(place.abort.signal).finally(() => this.#places.delete(planId));
      await place.ended;
    });
  }

  /** Resolves once nothing of it is left. */
  async end(planId: string): Promise<void> {
    const place = this.#places.get(planId);
    place?.abort.abort();
    if (place?.ended) await place.ended;
    else this.#places.delete(planId);
  }

  async close(): Promise<void> {
    for (const { abort } of this.#places.values()) abort.abort();
    this.#places.clear();
    await this.#last;
  }
}
