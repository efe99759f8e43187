/** What starts a training process somewhere and follows it: the interface of every launcher driver. */
import type { TrainingJob } from '#contract/training.ts';
import type { WorkerEvent } from '#contract/worker.ts';

/** Enough to find an attempt again after a restart of the platform; plain JSON, stored with the run. */
export type AttemptHandle = Record<string, unknown>;

/** How an attempt's process ended when its events do not say so. */
export interface AttemptExit {
  exitCode: number | null;
  signal: number | null;
  /** Whether the kernel or a memory limit killed it, as far as can be told. */
  outOfMemory: boolean;
  /** Last lines of the attempt's log, for the person. */
  logTail: string;
}

export interface Launcher {
  readonly name: string;
  /** Loads what the first job needs ahead of time. Never throws: a launcher that cannot be warmed says so at `start`. */
  warm(modelDir: string): Promise<void>;
  /** Starts one attempt, once: a second call for it throws. Returns once its process exists. Throws `worker_unavailable`, `disk_full`. */
  start(job: TrainingJob): Promise<AttemptHandle>;
  /** The handle of an attempt that was started, perhaps gone by now; null when it never was. For when `start` was cut short. */
  find(job: Pick<TrainingJob, 'run_id' | 'attempt' | 'attempt_dir'>): Promise<AttemptHandle | null>;
  /**
   * The events of an attempt with seq > `afterSeq`, in order and without gaps, until its last one. Ends without a terminal event
   * when the process is gone: then ask `exit`.
   */
  follow(handle: AttemptHandle, afterSeq: number, signal: AbortSignal): AsyncIterable<WorkerEvent>;
  /** Null while the process lives. */
  exit(handle: AttemptHandle): Promise<AttemptExit | null>;
  /** Asks the attempt to stop between two steps. */
  control(handle: AttemptHandle, action: 'pause' | 'cancel'): Promise<void>;
  /** Ends the process at once; it is gone when this returns. */
  kill(handle: AttemptHandle): Promise<void>;
  /** Lets go of what this platform process holds; running attempts go on. */
  close(): Promise<void>;
}
