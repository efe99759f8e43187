/** What the files of this room are handed: open drivers, neighbouring rooms and a few settings. */
import type { Files } from '#platform/data/files.ts';
import type { BaseModels } from '#platform/models/base-models.ts';
import type { Versions } from '#platform/models/versions.ts';
import type { Tracker } from '#platform/monitoring/tracker.ts';
import type { Launcher } from './launcher.ts';
import type { Log } from './log.ts';
import { PlanQueue } from './plan-queue.ts';
import { Reporter, type ReporterParts } from './report-runs.ts';
import type { Db, ModelVersionRow, RunRow } from './rows.ts';
import { RunFeed } from './run-feed.ts';
import { Signal } from './signal.ts';

export interface TrainingParts {
  db: Db;
  files: Files;
  versions: Versions;
  baseModels: BaseModels;
  launcher: Launcher;
  dataDir: string;
  /** Runs at once over all platform processes of this database, ≥ 1. */
  maxRuns: number;
  /**
   * Who holds the leases. A constant where the database lets one process in only (PGlite): a restarted platform then goes on with
   * its runs at once. Unique to the process where several may share the database (PostgreSQL).
   */
  owner: string;
  /** Between asking a worker to stop and ending it, in milliseconds; 30,000 when left out. */
  graceMs?: number;
  /** Command of a Python that graders run in; none when left out. */
  graderSandbox?: readonly string[];
  /** What an hour of this machine costs in US dollars; undefined where nobody said. */
  costPerHour?: number | undefined;
  /**
   * Told when the checkpoint of the last step is on the disk: it holds what the final version, of this id, will serve, so an engine can
   * load it while the run ends. Nothing comes of it when the run is cancelled in that moment.
   */
  onLastStep?: (run: RunRow, finalId: string, adapter: { file: string; sha256: string }) => Promise<void>;
  /** Told of every final version as soon as it is registered, so that it answers at once. */
  onVersion: (version: ModelVersionRow) => Promise<void>;
  /** What keeps the figures of runs elsewhere; none when left out. */
  trackers?: Tracker[];
  /** How patient they are met. */
  reporting?: Pick<ReporterParts, 'pollMs' | 'patienceMs'>;
  log: Log;
}

export interface Training extends TrainingParts {
  feed: RunFeed;
  /** Wakes the reconciler: a run was submitted or steered, or an attempt ended. */
  toDo: Signal;
  /** The plans that are being measured here. */
  plans: PlanQueue;
  reporter: Reporter;
}

export function openTraining(parts: TrainingParts): Training {
  const feed = new RunFeed(parts.db);
  const { db, dataDir, log, trackers = [], reporting } = parts;
  const reporter = new Reporter({ db, dataDir, log, trackers, feed, ...reporting });
  return { ...parts, feed, reporter, toDo: new Signal(), plans: new PlanQueue() };
}
