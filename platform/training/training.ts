/** What the files of this room are handed: open drivers, neighbouring rooms and a few settings. */
import type { Files } from '#platform/data/files.ts';
import type { BaseModels } from '#platform/models/base-models.ts';
import type { Versions } from '#platform/models/versions.ts';
import type { Launcher } from './launcher.ts';
import { PlanQueue } from './plan-queue.ts';
import type { Db, ModelVersionRow } from './rows.ts';
import { RunFeed } from './run-feed.ts';
import { Signal } from './signal.ts';

/** The part of a pino logger that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

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
  /** Told of every final version as soon as it is registered, so that it answers at once. */
  onVersion: (version: ModelVersionRow) => Promise<void>;
  log: Log;
}

export interface Training extends TrainingParts {
  feed: RunFeed;
  /** Wakes the reconciler: a run was submitted or steered, or an attempt ended. */
  toDo: Signal;
  /** The plans that are being measured here. */
  plans: PlanQueue;
}

export function openTraining(parts: TrainingParts): Training {
  return { ...parts, feed: new RunFeed(parts.db), toDo: new Signal(), plans: new PlanQueue() };
}
