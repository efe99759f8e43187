/** The probes of a run as its events tell them: what is asked, what was answered, what it cost. */
import { sql } from 'kysely';
import { mostProbes, Probe, ProbeAnswer, ProbeSettings, type ProbePlan, type RunProbeAnswer } from '#contract/probe.ts';
import type { WorkerProbes } from '#contract/worker.ts';
import type { Db, RunEventRow, RunRow } from './rows.ts';

export interface RunProbes {
  /** Those that are answered again and again, in the order in which they came. */
  pinned: Probe[];
  /** Questions asked once, with the Unix time of each. */
  asked: { probe: Probe; askedAt: number }[];
  /** Probes that were taken off the list. */
  removed: string[];
  /** Of any lane but base. */
  answered: Set<string>;
  answeredBase: Set<string>;
}

/** Everything that was added, removed and answered so far. */
export async function readProbes(db: Db, runId: string): Promise<RunProbes> {
  const probes = new Map<string, { probe: Probe; askedAt: number }>();
  const [removed, answered, answeredBase] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const event of await eventsOf(db, runId, ['probe-added', 'probe-removed'])) {
    if (event.type === 'probe-removed') removed.add(String(event.data['probe_id']));
    else {
      const probe = Probe.parse(event.data['probe']);
      probes.set(probe.id, { probe, askedAt: event.at.getTime() / 1000 });
    }
  }
  const answers = await db
    .selectFrom('run_events')
    .select([sql<string>`data ->> 'probe_id'`.as('id'), sql<string>`data ->> 'lane'`.as('lane')])
    .distinct()
    .where('run_id', '=', runId)
    .where('type', '=', 'probe-answered')
    .execute();
  for (const { id, lane } of answers) (lane === 'base' ? answeredBase : answered).add(id);
  const all = [...probes.values()].filter(({ probe }) => !removed.has(probe.id));
  return {
    pinned: all.flatMap(({ probe }) => (probe.origin === 'asked' ? [] : [probe])),
    asked: all.filter(({ probe }) => probe.origin === 'asked'),
    removed: [...removed],
    answered,
    answeredBase,
  };
}

/** Questions that nobody has answered yet, oldest first. */
export function openQuestions({ asked, answered }: RunProbes): { probe: Probe; askedAt: number }[] {
  return asked.filter(({ probe }) => !answered.has(probe.id));
}

/** What the worker of a run reads while it goes on. */
export function workerProbes(probes: RunProbes): WorkerProbes {
  return {
    pinned: probes.pinned.filter(({ id }) => id.startsWith('probe_')),
    removed: probes.removed,
    questions: openQuestions(probes).map(({ probe, askedAt }) => ({ probe, asked_at: askedAt })),
  };
}

/** What a new attempt of a run is to do about probes; null when its probes are switched off. */
export async function probePlan(db: Db, run: Pick<RunRow, 'id' | 'config'>): Promise<ProbePlan | null> {
  const settings = probeSettings(run);
  if (!settings.enabled) return null;
  const { pinned, answeredBase } = await readProbes(db, run.id);
  const wasPicked = pinned.some(({ origin }) => origin !== 'chosen');
  return {
    max_tokens: settings.max_tokens,
    budget_share: settings.budget_share,
    automatic: settings.automatic && !wasPicked,
    pinned: pinned.slice(0, mostProbes),
    answered_base: [...answeredBase],
  };
}

/** A run of an older release has none, which is all defaults. */
export function probeSettings(run: Pick<RunRow, 'config'>): ProbeSettings {
  return ProbeSettings.parse(run.config.probes ?? {});
}

/** Share of the wall time and steps between two rounds, as the last round told them. */
export async function lastRound(db: Db, runId: string): Promise<{ share: number | null; interval_steps: number | null }> {
  const row = await db
    .selectFrom('run_events')
    .select('data')
    .where('run_id', '=', runId)
    .where('type', '=', 'probe-round')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const figure = (name: string): number | null => (typeof row?.data[name] === 'number' ? row.data[name] : null);
  return { share: figure('share'), interval_steps: figure('interval_steps') };
}

/** Stored answers after `afterSeq`, oldest first. */
export async function readAnswers(
  db: Db,
  runId: string,
  page: { probeId?: string | undefined; afterSeq: number; limit: number },
): Promise<{ data: RunProbeAnswer[]; hasMore: boolean }> {
  const rows = await db
    .selectFrom('run_events')
    .select(['seq', 'data'])
    .where('run_id', '=', runId)
    .where('type', '=', 'probe-answered')
    .where('seq', '>', page.afterSeq)
    .$if(page.probeId !== undefined, (query) => query.where(sql<boolean>`data ->> 'probe_id' = ${page.probeId}`))
    .orderBy('seq')
    .limit(page.limit + 1)
    .execute();
  const data = rows.slice(0, page.limit).map((row) => ({ ...ProbeAnswer.parse(row.data), seq: row.seq }));
  return { data, hasMore: rows.length > page.limit };
}

function eventsOf(db: Db, runId: string, types: string[]): Promise<RunEventRow[]> {
  return db.selectFrom('run_events').selectAll().where('run_id', '=', runId).where('type', 'in', types).orderBy('seq').execute();
}
