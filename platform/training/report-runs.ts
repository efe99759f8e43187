/**
 * Tells trackers of runs: from what is stored, behind the run's back. A tracker that is down, slow or failing holds up nobody; what it
 * missed is sent when it is back, by this process or the next.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { sql, type Selectable } from 'kysely';
import { ArtifactManifest } from '#contract/worker.ts';
import { TrackerRefused, type TrackedEnd, type TrackedPlace, type Tracker } from '#platform/monitoring/tracker.ts';
import type { RunReportTable } from '#platform/storage/tables.ts';
import type { RunFeed } from './run-feed.ts';
import { readEventsAfter } from './run-events.ts';
import type { Db, RunRow } from './rows.ts';
import { trackedEnd, trackedFigures, trackedRun } from './tracked-run.ts';
import type { Log } from './log.ts';
import { writeRun } from './write-run.ts';

export interface ReporterParts {
  db: Db;
  trackers: Tracker[];
  feed: RunFeed;
  dataDir: string;
  log: Log;
  /** Between two looks at a run's events, and before the first new try after a failure; 1,000 when left out. */
  pollMs?: number;
  /** After which a call counts as failed; 30,000 when left out. An end takes its artifact along and has twenty times as long. */
  patienceMs?: number;
}

type Report = Selectable<RunReportTable>;

const pageSize = 500;
const longestPauseMs = 60_000;
/** A run that ended so long ago is not reported any more. */
const givenUpAfter = sql<Date>`clock_timestamp() - interval '7 days'`;

export class Reporter {
  readonly #parts: Required<ReporterParts>;
  readonly #closing = new AbortController();
  /** `<run> <tracker>` → its reporting here. */
  readonly #going = new Map<string, Promise<void>>();

  constructor(parts: ReporterParts) {
    this.#parts = { pollMs: 1000, patienceMs: 30_000, ...parts };
  }

  /** Takes up the reports that an ended process left. */
  async open(): Promise<void> {
    const left = await this.#parts.db
      .selectFrom('run_reports')
      .innerJoin('runs', 'runs.id', 'run_reports.run_id')
      .select('run_reports.run_id')
      .where('run_reports.ended_at', 'is', null)
      .where((is) => is.or([is('runs.finished_at', 'is', null), is('runs.finished_at', '>', givenUpAfter)]))
      .execute();
    for (const { run_id } of left) this.follow(run_id);
  }

  /** From now on, or still. */
  follow(runId: string): void {
    for (const tracker of this.#parts.trackers) {
      const key = `${runId} ${tracker.name}`;
      if (this.#going.has(key)) continue;
      const report = new RunReport(this.#parts, tracker, runId, this.#closing.signal);
      const reporting = report
        .run()
        .catch((error: unknown) => {
          if (!this.#closing.signal.aborted)
            this.#parts.log.error({ err: error, run: runId, tracker: tracker.name }, 'a run could not be reported');
        })
        .finally(() => this.#going.delete(key));
      this.#going.set(key, reporting);
    }
  }

  /** Lets go of them; the next process goes on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#going.values());
    for (const tracker of this.#parts.trackers) await tracker.close();
  }
}

/** One run and one tracker. */
class RunReport {
  readonly #parts: Required<ReporterParts>;
  readonly #tracker: Tracker;
  readonly #runId: string;
  readonly #closing: AbortSignal;
  #isFailing = false;

  constructor(parts: Required<ReporterParts>, tracker: Tracker, runId: string, closing: AbortSignal) {
    this.#parts = parts;
    this.#tracker = tracker;
    this.#runId = runId;
    this.#closing = closing;
  }

  async run(): Promise<void> {
    let report = await this.#insisting(() => this.#open());
    while (report.ended_at === null) {
      const { seq } = report;
      const told = await this.#insisting(() => this.#tell(report));
      if (told.seq === seq && told.ended_at === null) await wait(this.#parts.pollMs, undefined, { signal: this.#closing });
      report = told;
    }
  }

  async #open(): Promise<Report> {
    const { db } = this.#parts;
    const row = { run_id: this.#runId, tracker: this.#tracker.name };
    await db
      .insertInto('run_reports')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return db
      .selectFrom('run_reports')
      .selectAll()
      .where('run_id', '=', row.run_id)
      .where('tracker', '=', row.tracker)
      .executeTakeFirstOrThrow();
  }

  /** What is new since the last time; the report as it stands then. */
  async #tell(report: Report): Promise<Report> {
    const { db, patienceMs } = this.#parts;
    const { events, isOver } = await readEventsAfter(db, this.#runId, report.seq, pageSize);
    if (events.length === 0 && !isOver) return report;
    const row = await db.selectFrom('runs').selectAll().where('id', '=', this.#runId).executeTakeFirstOrThrow();
    const run = trackedRun(row, this.#tracker.name);
    const signal = AbortSignal.any([this.#closing, AbortSignal.timeout(patienceMs)]);
    const place = await this.#tracker.begin(run, report.place as TrackedPlace | null, signal);
    const figures = events.flatMap((event) => trackedFigures(event, row.config.method.type) ?? []);
    if (figures.length > 0) await this.#tracker.log(run, place, figures, signal);
    if (isOver) {
      const patience = AbortSignal.any([this.#closing, AbortSignal.timeout(20 * patienceMs)]);
      await this.#tracker.end(run, place, trackedEnd(row, await this.#artifact(row)), patience);
    }
    const seq = events.at(-1)?.seq ?? report.seq;
    return this.#keep(report, { seq, place: JSON.stringify(place), ...(isOver && { ended_at: sql<Date>`clock_timestamp()` }) });
  }

  async #keep(report: Report, changes: object): Promise<Report> {
    return this.#parts.db
      .updateTable('run_reports')
      .set(changes)
      .where('run_id', '=', report.run_id)
      .where('tracker', '=', report.tracker)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  /** Tries until it works, ever less often. The run's events say once that it does not, and that it does again. */
  async #insisting(act: () => Promise<Report>): Promise<Report> {
    for (let pauseMs = this.#parts.pollMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const report = await act();
        if (this.#isFailing)
          await this.#say('info', 'tracker-reached', `${this.#tracker.name} is told of the run again, and of what it missed`);
        this.#isFailing = false;
        return report;
      } catch (error) {
        if (this.#closing.aborted) throw error;
        const why = describe(error);
        if (error instanceof TrackerRefused) return this.#giveUp(why);
        const message = `${this.#tracker.name} could not be told of the run: ${why}. The run goes on; what is missed is sent when it can be`;
        if (!this.#isFailing) await this.#say('warn', 'tracker-failed', message);
        this.#isFailing = true;
        await wait(pauseMs, undefined, { signal: this.#closing });
      }
    }
  }

  async #giveUp(why: string): Promise<Report> {
    await this.#say('warn', 'tracker-refused', `${this.#tracker.name} refuses the run: ${why}. It is not told of it any more`);
    return this.#keep(await this.#open(), { ended_at: sql<Date>`clock_timestamp()`, failure: why });
  }

  /** In the run's own events while it goes on: nothing comes after its last one. In the log otherwise. */
  async #say(level: 'info' | 'warn', type: string, message: string): Promise<void> {
    this.#parts.log[level]({ run: this.#runId, tracker: this.#tracker.name }, message);
    const event = { type, level, message, data: { tracker: this.#tracker.name } };
    const said = await writeRun(this.#parts.db, { id: this.#runId, state: 'running' }, {}, [event]).catch(() => null);
    if (said) this.#parts.feed.announce(this.#runId);
  }

  async #artifact({ fine_tuned_model: model }: RunRow): Promise<TrackedEnd['artifact']> {
    if (model === null) return null;
    const { db, dataDir } = this.#parts;
    const version = await db
      .selectFrom('model_versions')
      .select('path')
      .where('id', '=', model)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!version) return null;
    const folder = join(dataDir, version.path);
    const manifest = ArtifactManifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
    return { folder, files: ['manifest.json', ...manifest.files.map(({ path }) => path)] };
  }
}

/** fetch hides what happened in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  return error.cause instanceof Error
    ? `${error.message} (${error.cause.message || (error.cause as NodeJS.ErrnoException).code})`
    : error.message;
}
