/** Steps that a person keeps: asked for by an event, done when a checkpoint says so, and never removed to make room. */
import { sql } from 'kysely';
import type { Db } from './rows.ts';

/** Steps whose checkpoints are kept. */
export async function keptSteps(db: Db, runId: string): Promise<number[]> {
  const rows = await db
    .selectFrom('run_events')
    .select(sql<number>`(data ->> 'step')::int`.as('step'))
    .distinct()
    .where('run_id', '=', runId)
    .where('type', '=', 'checkpoint-saved')
    .where(sql<boolean>`(data ->> 'kept')::boolean`)
    .orderBy('step')
    .execute();
  return rows.map(({ step }) => step);
}

/** Seq of the last wish to keep a step that no checkpoint has fulfilled; 0 when there is none. */
export async function openKeepWish(db: Db, runId: string): Promise<number> {
  const last = await db
    .selectFrom('run_events')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .where('run_id', '=', runId)
    .where('type', '=', 'run-steered')
    .where(sql<boolean>`data ->> 'action' = 'keep'`)
    .executeTakeFirst();
  if (!last?.seq) return 0;
  const fulfilled = await db
    .selectFrom('run_events')
    .select('seq')
    .where('run_id', '=', runId)
    .where('type', '=', 'checkpoint-saved')
    .where('seq', '>', last.seq)
    .where(sql<boolean>`(data ->> 'kept')::boolean`)
    .limit(1)
    .executeTakeFirst();
  return fulfilled ? 0 : last.seq;
}
