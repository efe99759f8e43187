/** The stored events of a run: gapless, in the order of their seq. */
import { PlatformError } from '#platform/core/errors.ts';
import { terminalStates } from '#contract/training.ts';
import { getRun } from './runs.ts';
import type { Db, RunEventRow } from './rows.ts';

export interface EventPage {
  /** Id of the event before the page. */
  after?: string | undefined;
  /** Seq of the event before the page. */
  afterSeq?: number | undefined;
  limit: number;
  /** desc is newest first. */
  order?: 'asc' | 'desc' | undefined;
  /** Types that are left out. */
  without?: readonly string[] | undefined;
}

/** Throws `run_not_found`; `invalid_request` when `after` is no event of the run. */
export async function listEvents(
  training: { db: Db },
  projectId: string,
  runId: string,
  page: EventPage,
): Promise<{ data: RunEventRow[]; hasMore: boolean }> {
  await getRun(training, projectId, runId);
  const order = page.order ?? 'desc';
  const after = page.after === undefined ? page.afterSeq : await seqOf(training.db, runId, page.after);
  const rows = await training.db
    .selectFrom('run_events')
    .selectAll()
    .where('run_id', '=', runId)
    .$if(after !== undefined, (query) => query.where('seq', order === 'asc' ? '>' : '<', after!))
    .$if(page.without !== undefined, (query) => query.where('type', 'not in', page.without!))
    .orderBy('seq', order)
    .limit(page.limit + 1)
    .execute();
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** The next events after `seq`, and whether the run is over and these are its last. */
export async function readEventsAfter(
  db: Db,
  runId: string,
  seq: number,
  limit: number,
): Promise<{ events: RunEventRow[]; isOver: boolean }> {
  // The state is read first: whatever is stored after it is seen by the second query or the next call.
  const run = await db.selectFrom('runs').select(['state', 'last_seq']).where('id', '=', runId).executeTakeFirst();
  const events = await db
    .selectFrom('run_events')
    .selectAll()
    .where('run_id', '=', runId)
    .where('seq', '>', seq)
    // Seqs have no gaps. A limit instead would have a database without statistics (PGlite) sort all that is left of the run.
    .where('seq', '<=', seq + limit)
    .orderBy('seq')
    .execute();
  const reached = events.at(-1)?.seq ?? seq;
  return { events, isOver: !run || (terminalStates.includes(run.state) && reached >= run.last_seq) };
}

async function seqOf(db: Db, runId: string, eventId: string): Promise<number> {
  const row = await db.selectFrom('run_events').select('seq').where('run_id', '=', runId).where('id', '=', eventId).executeTakeFirst();
  if (!row) throw new PlatformError('invalid_request', `after: run ${runId} has no event ${eventId}`, { param: 'after' });
  return row.seq;
}
