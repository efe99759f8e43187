/** Runs as their project sees them: one by id, many page by page, and the place of one that waits. */
import { sql } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';
import type { Db, RunRow } from './rows.ts';

/** Throws `run_not_found`, also for a run of another project. */
export async function getRun(training: { db: Db }, projectId: string, runId: string): Promise<RunRow> {
  const row = await training.db
    .selectFrom('runs')
    .selectAll()
    .where('id', '=', runId)
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  if (!row)
    throw new PlatformError(
      'run_not_found',
      `There is no fine-tuning job ${runId} in this project; list them with GET /v1/fine_tuning/jobs.`,
    );
  return row;
}

export interface RunPage {
  /** Id of the run before the page. */
  after?: string | undefined;
  limit: number;
  /** Labels that all have to match. */
  metadata?: Record<string, string> | undefined;
  /** By time of creation; desc is newest first. */
  order?: 'asc' | 'desc' | undefined;
}

/** Throws `invalid_request` when `after` is no run of the project. */
export async function listRuns(training: { db: Db }, projectId: string, page: RunPage): Promise<{ data: RunRow[]; hasMore: boolean }> {
  const order = page.order ?? 'desc';
  if (page.after !== undefined) await requireAfter(training.db, projectId, page.after);
  // Compared inside the database: its microseconds do not survive the way through a Date.
  const beyond = sql<boolean>`(created_at, id) ${sql.raw(order === 'asc' ? '>' : '<')} (select created_at, id from runs where id = ${page.after})`;
  const rows = await training.db
    .selectFrom('runs')
    .selectAll()
    .where('project_id', '=', projectId)
    .$if(page.after !== undefined, (query) => query.where(beyond))
    .$if(page.metadata !== undefined, (query) => query.where(sql<boolean>`metadata @> ${JSON.stringify(page.metadata)}::jsonb`))
    .orderBy('created_at', order)
    .orderBy('id', order)
    .limit(page.limit + 1)
    .execute();
  return { data: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

async function requireAfter(db: Db, projectId: string, runId: string): Promise<void> {
  const row = await db.selectFrom('runs').select('id').where('id', '=', runId).where('project_id', '=', projectId).executeTakeFirst();
  if (!row) throw new PlatformError('invalid_request', `after: there is no fine-tuning job ${runId} in this project`, { param: 'after' });
}

/** 1 is next; null when the run does not wait. */
export async function queuePosition(training: { db: Db }, run: RunRow): Promise<number | null> {
  if (run.state !== 'queued') return null;
  const { ahead } = await training.db
    .selectFrom('runs')
    .select(sql<number>`count(*)::int`.as('ahead'))
    .where('state', '=', 'queued')
    .where(sql<boolean>`(queued_at, id) < (select queued_at, id from runs where id = ${run.id})`)
    .executeTakeFirstOrThrow();
  return ahead + 1;
}
