/** How long a run has had a worker: queue and pauses do not count. */
import type { Db } from './rows.ts';

const ends: readonly string[] = ['run-paused', 'run-ended', 'run-retried'];

/** Seconds over all attempts that are over; `isWhole` says that none of them was lost. */
export async function attemptSeconds(db: Db, runId: string): Promise<{ seconds: number; isWhole: boolean }> {
  const events = await db
    .selectFrom('run_events')
    .select(['type', 'at'])
    .where('run_id', '=', runId)
    .where('type', 'in', ['run-started', ...ends])
    .orderBy('seq')
    .execute();
  let seconds = 0;
  let began: Date | null = null;
  for (const { type, at } of events) {
    if (type === 'run-started') began = at;
    else if (began) {
      seconds += (at.getTime() - began.getTime()) / 1000;
      began = null;
    }
  }
  return { seconds, isWhole: events.every(({ type }) => type !== 'run-retried') };
}
