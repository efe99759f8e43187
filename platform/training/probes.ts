/** The probes of a run, for the person who asks: added, listed and removed. */
import { terminalStates } from '#contract/training.ts';
import { mostProbes, type Probe, type ProbeAnswerListQuery, type ProbeRequest, type RunProbeAnswer } from '#contract/probe.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import { sql } from 'kysely';
import { lastRound, openQuestions, probeSettings, readAnswers, readProbes } from './probe-events.ts';
import type { Db, RunRow } from './rows.ts';
import { getRun } from './runs.ts';
import type { Training } from './training.ts';
import { writeRun, type NewEvent } from './write-run.ts';

/** Questions of one run that may wait for their answers. */
const mostOpen = 16;

export interface ProbeOverview {
  /** Pinned ones and questions asked once. */
  probes: Probe[];
  /** Of the wall time so far; null before the first round. */
  share: number | null;
  interval_steps: number | null;
}

/** Throws `run_not_found`. */
export async function listProbes(training: Training, projectId: string, runId: string): Promise<ProbeOverview> {
  await getRun(training, projectId, runId);
  const { pinned, asked } = await readProbes(training.db, runId);
  return { probes: [...pinned, ...asked.map(({ probe }) => probe)], ...(await lastRound(training.db, runId)) };
}

/** Throws `run_not_found`. */
export async function listAnswers(
  training: Training,
  projectId: string,
  runId: string,
  query: ProbeAnswerListQuery,
): Promise<{ data: RunProbeAnswer[]; hasMore: boolean }> {
  await getRun(training, projectId, runId);
  return readAnswers(training.db, runId, { probeId: query.probe_id, afterSeq: query.after_seq, limit: query.limit });
}

/**
 * A question that is answered once, by the weights of the moment, or with `repeat` a probe that is answered again and again. Throws
 * `run_not_found`; `invalid_state` when the run is over, paused or has its probes switched off; `rate_limit_exceeded` when too many
 * questions wait; `invalid_request` when eight probes are pinned already.
 */
export async function addProbe(training: Training, projectId: string, runId: string, request: ProbeRequest): Promise<Probe> {
  await getRun(training, projectId, runId);
  const probe: Probe = {
    id: newId('probe_'),
    origin: request.repeat ? 'chosen' : 'asked',
    messages: request.messages ?? [{ role: 'user', content: request.prompt! }],
    reference: request.reference ?? null,
  };
  await changeProbes(training, runId, async (db, run) => {
    refuseUnasked(run, request.repeat);
    const probes = await readProbes(db, runId);
    if (request.repeat && probes.pinned.length >= mostProbes) {
      const message = `Job ${runId} has ${mostProbes} pinned probes, which is the most; remove one with DELETE …/probes/{id}, or ask with "repeat": false.`;
      throw new PlatformError('invalid_request', message, { param: 'repeat' });
    }
    if (!request.repeat && openQuestions(probes).length >= mostOpen) {
      throw new PlatformError(
        'rate_limit_exceeded',
        `${mostOpen} questions of job ${runId} wait for their answers; ask when some are answered.`,
        {
          retryAfterSeconds: 5,
        },
      );
    }
    return { type: 'probe-added', message: `${request.repeat ? 'Probe added' : 'Asked'}: ${shortened(probe)}`, data: { probe } };
  });
  return probe;
}

/** Answers stay. Throws `run_not_found`, `probe_not_found`; `invalid_state` when the run is over. */
export async function removeProbe(training: Training, projectId: string, runId: string, probeId: string): Promise<void> {
  await getRun(training, projectId, runId);
  await changeProbes(training, runId, async (db, run) => {
    if (terminalStates.includes(run.state))
      throw new PlatformError('invalid_state', `Job ${run.id} has ${run.state}: its probes are what they were.`);
    const { pinned, asked } = await readProbes(db, runId);
    const probe = [...pinned, ...asked.map((one) => one.probe)].find(({ id }) => id === probeId);
    if (!probe) throw new PlatformError('probe_not_found', `Job ${runId} has no probe ${probeId}; list them with GET …/probes.`);
    return { type: 'probe-removed', message: `Probe removed: ${shortened(probe)}`, data: { probe_id: probeId, reason: null } };
  });
}

/** One change at a time for each run, so that limits hold however many ask at once; its worker is told at once. */
async function changeProbes(training: Training, runId: string, change: (db: Db, run: RunRow) => Promise<NewEvent>): Promise<void> {
  await training.db.transaction().execute(async (db) => {
    const run = await db.selectFrom('runs').selectAll().where('id', '=', runId).forUpdate().executeTakeFirstOrThrow();
    await writeRun(db, { id: runId }, { asked_seq: sql<number>`last_seq + 1` }, [await change(db, run)]);
  });
  training.feed.announce(runId);
  training.toDo.raise();
}

function refuseUnasked(run: RunRow, repeat: boolean): void {
  if (terminalStates.includes(run.state)) {
    const instead = run.fine_tuned_model ? `ask the model it made: ${run.fine_tuned_model}.` : 'it has no live weights to ask.';
    throw new PlatformError('invalid_state', `Job ${run.id} has ${run.state === 'cancelled' ? 'been cancelled' : run.state}; ${instead}`);
  }
  if (!probeSettings(run).enabled)
    throw new PlatformError('invalid_state', `Job ${run.id} was started with its probes switched off (extensions.probes.enabled).`);
  if (run.state === 'paused' && !repeat)
    throw new PlatformError(
      'invalid_state',
      `Job ${run.id} is paused and has no live weights to ask; resume it, or ask its last checkpoint.`,
    );
}

/** What is asked, as far as a line has room for it. */
export function shortened({ messages }: Probe): string {
  const text = messages.at(-1)!.content.replaceAll(/\s+/g, ' ').trim();
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
