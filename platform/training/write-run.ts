/** The one statement that changes a run: its guard, its new values and its events are stored together or not at all. */
import { sql, type UpdateObject } from 'kysely';
import type { RunState } from '#contract/training.ts';
import { newId } from '#platform/core/ids.ts';
import type { Tables } from '#platform/storage/tables.ts';
import { transitionOf, type RunTransition } from './run-states.ts';
import type { Db, RunRow } from './rows.ts';

/** An event before it has a seq. `at` is null when the clock of the database is to say. */
export interface NewEvent {
  type: string;
  level?: 'info' | 'warn' | 'error';
  message: string;
  data?: Record<string, unknown>;
  at?: Date | null;
}

export type RunChanges = UpdateObject<Tables, 'runs'>;

/** Times of runs are the database's: several platforms may have clocks of their own, and a clock may jump. */
export const databaseNow = sql<Date>`clock_timestamp()`;

/** What must hold for the write to happen; a write of an older attempt or of a lost lease is refused by it. */
export interface RunGuard {
  id: string;
  state?: RunState;
  /** Also sets the state it leads to. */
  transition?: RunTransition;
  /** The fencing token. */
  attempt?: number;
  owner?: string;
  /** Seq of the last stored event of the attempt: an event is stored once, whoever reads it again. */
  workerSeq?: number;
  desired?: readonly RunRow['desired'][];
}

/** The changed row, or null when the guard refused. */
export async function writeRun(db: Db, guard: RunGuard, changes: RunChanges, events: NewEvent[]): Promise<RunRow | null> {
  const transition = guard.transition ? transitionOf(guard.transition) : null;
  const stored = events.map((event, index) => ({
    place: index + 1,
    id: newId('ftevent-'),
    at: event.at?.toISOString() ?? null,
    type: event.type,
    level: event.level ?? 'info',
    message: event.message,
    data: event.data ?? {},
  }));
  const row = await db
    .with('moved', (query) =>
      query
        .updateTable('runs')
        .set({ ...changes, ...(transition && { state: transition.to }), last_seq: sql<number>`last_seq + ${sql.lit(stored.length)}` })
        .where('id', '=', guard.id)
        .$if(guard.state !== undefined, (update) => update.where('state', '=', guard.state!))
        .$if(transition !== null, (update) => update.where('state', 'in', transition!.from))
        .$if(guard.attempt !== undefined, (update) => update.where('attempt', '=', guard.attempt!))
        .$if(guard.owner !== undefined, (update) => update.where('lease_owner', '=', guard.owner!))
        .$if(guard.workerSeq !== undefined, (update) => update.where('worker_seq', '=', guard.workerSeq!))
        .$if(guard.desired !== undefined, (update) => update.where('desired', 'in', [...guard.desired!]))
        .returningAll(),
    )
    .with('stored', (query) =>
      query
        .insertInto('run_events')
        .columns(['run_id', 'seq', 'id', 'at', 'type', 'level', 'message', 'data'])
        .expression(
          sql`select moved.id, moved.last_seq - ${sql.lit(stored.length)} + e.place, e.id, coalesce(e.at, clock_timestamp()),
                   e.type, e.level, e.message, e.data
            from moved cross join jsonb_to_recordset(${JSON.stringify(stored)}::jsonb)
              as e (place integer, id text, at timestamptz, type text, level text, message text, data jsonb)`,
        ),
    )
    .selectFrom('moved')
    .selectAll()
    .executeTakeFirst();
  return row ?? null;
}
