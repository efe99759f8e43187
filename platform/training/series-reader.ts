/**
 * The curves of a run, made of its stored events. They are read page by page, so that a run of 200,000 steps never holds up the
 * process (PGlite answers on our own thread), and what was read is remembered: the next reader pays for the new events only.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { seriesNames, type SeriesName, type TrainingSeries } from '#contract/series.ts';
import type { Db } from './rows.ts';
import { getRun } from './runs.ts';
import { figures, SeriesBuckets } from './series-buckets.ts';

const pageSize = 1000;
/** Runs whose curves are remembered, about 1 MB each. */
const mostRemembered = 32;

interface Remembered {
  curves: Record<SeriesName, SeriesBuckets>;
  lastSeq: number;
  lastStep: number;
}

/** Where an attempt began again at an earlier step: what was told before of this step and those after it was trained again. */
interface Rewind {
  seq: number;
  step: number;
}

export class SeriesReader {
  readonly #db: Db;
  readonly #remembered = new Map<string, Promise<Remembered>>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** At most `points` points a series, always the whole run. Throws `run_not_found`. */
  async read(projectId: string, runId: string, points: number): Promise<TrainingSeries> {
    await getRun({ db: this.#db }, projectId, runId);
    const { curves, lastSeq, lastStep } = await this.#upToDate(runId);
    const series = Object.fromEntries(seriesNames.map((name) => [name, curves[name].curve(points)])) as TrainingSeries['series'];
    return { object: 'training.series', job_id: runId, last_seq: lastSeq, last_step: lastStep, series };
  }

  /** One reader of a run at a time; those who come meanwhile go on where it ended. */
  #upToDate(runId: string): Promise<Remembered> {
    const before = this.#remembered.get(runId) ?? Promise.resolve(nothing());
    const now = before.catch(nothing).then((known) => this.#readOn(runId, known));
    // The newest stand last; the one asked for longest ago makes room.
    this.#remembered.delete(runId);
    this.#remembered.set(runId, now);
    if (this.#remembered.size > mostRemembered) this.#remembered.delete(this.#remembered.keys().next().value!);
    now.catch(() => this.#remembered.delete(runId));
    return now;
  }

  /** Goes on where `known` ends. A rewind spoils merged buckets: then all is read again, with every rewind known. */
  async #readOn(runId: string, known: Remembered): Promise<Remembered> {
    const rewinds: Rewind[] = [];
    for (let state = known; ; state = nothing()) {
      const found = await this.#readToEnd(runId, state, rewinds);
      if (found.length === 0) return state;
      rewinds.push(...found);
    }
  }

  /** Adds what is stored; the rewinds that were met and not known. */
  async #readToEnd(runId: string, state: Remembered, known: readonly Rewind[]): Promise<Rewind[]> {
    const found: Rewind[] = [];
    for (;;) {
      const events = await readPage(this.#db, runId, state.lastSeq);
      for (const event of events) {
        const step = Number(event.data['step']);
        state.lastSeq = event.seq;
        if (!Number.isFinite(step) || known.some((rewind) => event.seq < rewind.seq && step >= rewind.step)) continue;
        if (event.type === 'run-step' && step <= state.lastStep) found.push({ seq: event.seq, step });
        if (found.length === 0) addFigures(state, event, step);
        else if (event.type === 'run-step') state.lastStep = step;
      }
      if (events.length < pageSize) return found;
      await nextTurn();
    }
  }
}

function nothing(): Remembered {
  const curves = Object.fromEntries(seriesNames.map((name) => [name, new SeriesBuckets()])) as Remembered['curves'];
  return { curves, lastSeq: 0, lastStep: 0 };
}

function addFigures(state: Remembered, event: { type: string; data: Record<string, unknown> }, step: number): void {
  for (const name of seriesNames) {
    const value = event.type === figures[name].event ? event.data[figures[name].field] : null;
    if (typeof value === 'number') state.curves[name].add(step, value);
  }
  if (event.type === 'run-step') state.lastStep = Math.max(state.lastStep, step);
}

/**
 * Every event counts for `lastSeq`; the few that carry no figures cost little. Seqs have no gaps, so a page is a range of them: a limit
 * instead would have a database without statistics (PGlite gathers none by itself) sort all that is left of the run, for each page.
 */
function readPage(db: Db, runId: string, afterSeq: number) {
  return db
    .selectFrom('run_events')
    .select(['seq', 'type', 'data'])
    .where('run_id', '=', runId)
    .where('seq', '>', afterSeq)
    .where('seq', '<=', afterSeq + pageSize)
    .orderBy('seq')
    .execute();
}
