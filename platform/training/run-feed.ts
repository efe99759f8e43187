/** The live stream of a run's events: what is stored, then what is being stored, without a gap or a duplicate. */
import { setTimeout } from 'node:timers/promises';
import { readEventsAfter } from './run-events.ts';
import { Signal } from './signal.ts';
import type { Db, RunEventRow } from './rows.ts';

/** How long an event stored by another process may wait to be seen here. */
const pollMs = 1000;
const pageSize = 100;
/** A browser handles all that has arrived in one piece of work: who catches up with thousands of events takes them frame by frame. */
const breathMs = 16;

/**
 * Every event comes from the database, in order of seq; a wake-up only says when to look. So replay and live are one and the same
 * query, and there is no seam between them.
 */
export class RunFeed {
  readonly #db: Db;
  readonly #bells = new Map<string, { signal: Signal; users: number }>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Says that events of this run were stored. */
  announce(runId: string): void {
    this.#bells.get(runId)?.signal.raise();
  }

  /** The events with seq > `afterSeq`; ends after the last one of a run that is over, or when the signal aborts. */
  async *subscribe(runId: string, afterSeq: number, signal: AbortSignal): AsyncGenerator<RunEventRow, void> {
    const bell = this.#bells.get(runId) ?? { signal: new Signal(), users: 0 };
    bell.users++;
    this.#bells.set(runId, bell);
    try {
      let seq = afterSeq;
      while (!signal.aborted) {
        // Listening begins before reading: an event stored in between rings.
        const waiting = new AbortController();
        const next = bell.signal.next(pollMs, AbortSignal.any([signal, waiting.signal]));
        const { events, isOver } = await readEventsAfter(this.#db, runId, seq, pageSize).catch((error: unknown) => {
          waiting.abort();
          throw error;
        });
        for (const event of events) {
          if (signal.aborted) return waiting.abort();
          yield event;
          seq = event.seq;
        }
        if (isOver || events.length > 0) waiting.abort();
        if (isOver) return;
        if (events.length === pageSize) await setTimeout(breathMs);
        await next;
      }
    } finally {
      if (--bell.users === 0) this.#bells.delete(runId);
    }
  }
}
