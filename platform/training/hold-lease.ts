/** Keeps a run for this process, by the clock of the database, and hears what is asked of it. */
import { sql } from 'kysely';
import { isDatabaseDown } from '#platform/storage/database.ts';
import type { Wanted } from './steering.ts';
import type { Training } from './training.ts';

/** A lease that is not renewed is anyone's after so long. */
export const leaseSeconds = 15;
const renewMs = 3000;

export const leaseEnd = sql<Date>`clock_timestamp() + ${sql.lit(leaseSeconds)} * interval '1 second'`;

export interface Lease {
  /** Aborts when the lease is lost or the platform closes. */
  signal: AbortSignal;
  /**
   * Ends the renewing; a run that goes on is handed back, for anyone to take at once. A run that has come to rest may have been
   * claimed again since: a newer attempt than `attempt` has a lease of its own.
   */
  release(attempt: number): Promise<void>;
}

/** Calls `onWanted` with what is asked of the run, at every renewal and whenever a run is steered in this process. */
export function holdLease(training: Training, runId: string, closing: AbortSignal, onWanted: (wanted: Wanted) => void): Lease {
  const lost = new AbortController();
  const released = new AbortController();
  const signal = AbortSignal.any([closing, lost.signal]);
  const renewing = (async () => {
    const ends = AbortSignal.any([signal, released.signal]);
    while (!ends.aborted) {
      // Listening begins before the look: what is asked of the run during it is not missed.
      const next = training.toDo.next(renewMs, ends);
      const row = await renew(training, runId);
      if (row === undefined) lost.abort();
      else if (row !== 'away') onWanted(row);
      await next;
    }
  })().catch((error: unknown) => {
    training.log.error({ err: error, run: runId }, 'the lease of a run could not be renewed');
    lost.abort();
  });
  return {
    signal,
    async release(attempt) {
      released.abort();
      await renewing;
      await training.db
        .updateTable('runs')
        .set({ lease_owner: null, lease_until: null })
        .where('id', '=', runId)
        .where('lease_owner', '=', training.owner)
        .where('state', '=', 'running')
        .where('attempt', '=', attempt)
        .execute()
        .catch((error: unknown) => {
          if (!isDatabaseDown(error)) throw error;
        });
    },
  };
}

/** Undefined when the lease is another's or the run is over; a database that is away for a moment takes no lease. */
async function renew(training: Training, runId: string): Promise<Wanted | undefined | 'away'> {
  try {
    return await training.db
      .updateTable('runs')
      .set({ lease_until: leaseEnd })
      .where('id', '=', runId)
      .where('lease_owner', '=', training.owner)
      .where('state', '=', 'running')
      .returning(['desired', 'asked_seq'])
      .executeTakeFirst();
  } catch (error) {
    if (!isDatabaseDown(error)) throw error;
    training.log.warn({ err: error, run: runId }, 'the database is away; the lease is renewed when it is back');
    return 'away';
  }
}
