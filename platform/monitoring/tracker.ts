/** What keeps the figures of runs somewhere else: the interface of every tracker driver. */

/** A run as trackers are told of it. */
export interface TrackedRun {
  id: string;
  /** For people: the suffix of the job, or its id. */
  name: string;
  startedAt: Date;
  /** Base model, files, seed, and every setting by its dotted name, `settings.learning_rate`. */
  parameters: Record<string, string>;
  tags: Record<string, string>;
  /** What the job asked of this tracker, in the words of OpenAI's `integrations`. */
  wishes: { project?: string | null; name?: string | null; entity?: string | null; tags?: string[] | undefined };
}

/** What was measured at one step. */
export interface TrackedFigures {
  /** Of the run's events, ascending: what was told before has a lower one. */
  seq: number;
  step: number;
  at: Date;
  /** `train/loss`, `train/learning_rate`, `eval/perplexity` …; finite numbers. */
  values: Record<string, number>;
}

export interface TrackedEnd {
  state: 'succeeded' | 'failed' | 'cancelled';
  at: Date;
  /** Id of the tuned model, where there is one. */
  model: string | null;
  /** Its adapter: a folder and the names of the files in it. */
  artifact: { folder: string; files: string[] } | null;
}

/** Where a tracker keeps a run; plain JSON, stored with the run. */
export type TrackedPlace = Record<string, unknown>;

/**
 * Every call may be made again after a failure, and after a restart of the platform: a tracker takes what it has already as done.
 * A failure that may pass is any error; one that will not, such as a wrong key, is a `TrackerRefused`.
 */
export interface Tracker {
  readonly name: string;
  /** Begins a run, or finds the one it has begun; `place` is what an earlier call answered. */
  begin(run: TrackedRun, place: TrackedPlace | null, signal: AbortSignal): Promise<TrackedPlace>;
  /** Figures in the order of their seq. A step may come twice, when a run was taken up again from an earlier one. */
  log(run: TrackedRun, place: TrackedPlace, figures: TrackedFigures[], signal: AbortSignal): Promise<void>;
  end(run: TrackedRun, place: TrackedPlace, end: TrackedEnd, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** It will not take this run, however often it is asked. */
export class TrackerRefused extends Error {
  override name = 'TrackerRefused';
}
