/** Which runs this process looks after: waiting ones when a slot is free, and those that another has let go of. */
import { sql } from 'kysely';
import { leaseEnd, leaseSeconds } from './hold-lease.ts';
import type { Db, RunRow } from './rows.ts';
import type { Training } from './training.ts';
import { writeRun, type NewEvent } from './write-run.ts';

/** Key of the advisory lock under which slots are counted and given: one platform process at a time. */
const queueLock = 7_305_001;

/** Far waiting runs are told their place only every so many, or a long queue would write an event a run at every start. */
const nearPlaces = 10;

/** Starts waiting runs in order while slots are free, and tells the others their places. Returns the runs that are ours now. */
export async function claimQueued(training: Training): Promise<RunRow[]> {
  const waiting = await training.db.selectFrom('runs').select('id').where('state', '=', 'queued').limit(1).executeTakeFirst();
  if (!waiting) return [];
  const { claimed, told } = await training.db.transaction().execute(async (db) => {
    await sql`select pg_advisory_xact_lock(${queueLock})`.execute(db);
    const claimed: RunRow[] = [];
    for (let free = await freeSlots(db, training.maxRuns); free > 0; free--) {
      const run = await claimNext(db, training.owner);
      if (!run) break;
      claimed.push(run);
    }
    return { claimed, told: await tellPlaces(db) };
  });
  for (const id of [...claimed.map((run) => run.id), ...told]) training.feed.announce(id);
  return claimed;
}

/**
 * Takes running runs whose holder is gone: they were handed back, their lease has run out, or they were ours in an earlier life of
 * this process. A lease that ends too far ahead was given before the clock jumped back.
 */
export async function takeOver(training: Training, mine: readonly string[]): Promise<RunRow[]> {
  const isLetGo = sql<boolean>`(lease_owner is null or lease_owner = ${training.owner} or lease_until is null
    or lease_until < clock_timestamp() or lease_until > clock_timestamp() + ${sql.lit(leaseSeconds * 2)} * interval '1 second')`;
  return training.db
    .updateTable('runs')
    .set({ lease_owner: training.owner, lease_until: leaseEnd })
    .where('state', '=', 'running')
    .where(isLetGo)
    .$if(mine.length > 0, (query) => query.where('id', 'not in', [...mine]))
    .returningAll()
    .execute();
}

async function freeSlots(db: Db, maxRuns: number): Promise<number> {
  const { running } = await db
    .selectFrom('runs')
    .select(sql<number>`count(*)::int`.as('running'))
    .where('state', '=', 'running')
    .executeTakeFirstOrThrow();
  return maxRuns - running;
}

/** The run that has waited longest; null when none waits. */
async function claimNext(db: Db, owner: string): Promise<RunRow | null> {
  for (;;) {
    const next = await db
      .selectFrom('runs')
      .select(['id', 'attempt'])
      .where('state', '=', 'queued')
      .orderBy('queued_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    if (!next) return null;
    const attempt = next.attempt + 1;
    const changes = {
      attempt,
      lease_owner: owner,
      lease_until: leaseEnd,
      handle: null,
      worker_seq: 0,
      started_at: sql<Date>`coalesce(started_at, clock_timestamp())`,
    };
    const event: NewEvent = {
      type: 'run-starting',
      message: attempt === 1 ? 'Starting' : `Starting attempt ${attempt}`,
      data: { attempt },
    };
    const run = await writeRun(db, { id: next.id, transition: 'start' }, changes, [event]);
    // Null: it was cancelled or paused just now.
    if (run) return run;
  }
}

/** Tells each waiting run its place when that is not what it was told last. Returns the ids of those told. */
async function tellPlaces(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string; place: number; told: number | null }>`
    select id, place, told from (
      select id, (row_number() over (order by queued_at, id))::int as place,
        (select (data ->> 'position')::int from run_events
         where run_id = runs.id and type in ('run-queued', 'run-starting', 'run-resumed') order by seq desc limit 1) as told
      from runs where state = 'queued') as waiting
    where told is distinct from place and (told is null or place <= ${nearPlaces} or place % ${nearPlaces} = 0)
    order by place`.execute(db);
  for (const { id, place } of rows) {
    const message = place === 1 ? 'Queued: next in line' : `Queued: place ${place} in line`;
    await writeRun(db, { id, state: 'queued' }, {}, [{ type: 'run-queued', message, data: { position: place } }]);
  }
  return rows.map((row) => row.id);
}
