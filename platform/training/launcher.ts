/** What starts a training process somewhere and follows it: the interface of every launcher driver. */
import type { ExportTask } from '#contract/model-export.ts';
import type { ScoreResult, ScoreTask } from '#contract/parity.ts';
import type { ProbeDelta } from '#contract/probe.ts';
import type { TrainingJob } from '#contract/training.ts';
import type { WorkerControl, WorkerEvent, WorkerProbes } from '#contract/worker.ts';

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
  /**
   * Starts one attempt, once: a second call for it throws. Returns once its process exists. `measure` trains a few steps only, and
   * tells what all of them would take. Throws `worker_unavailable`, `disk_full`.
   */
  start(job: TrainingJob, command?: 'train' | 'measure'): Promise<AttemptHandle>;
  /** The handle of an attempt that was started, perhaps gone by now; null when it never was. For when `start` was cut short. */
  find(job: Pick<TrainingJob, 'run_id' | 'attempt' | 'attempt_dir'>): Promise<AttemptHandle | null>;
  /**
   * The events of an attempt with seq > `afterSeq`, in order and without gaps, until its last one. Ends without a terminal event
   * when the process is gone: then ask `exit`.
   */
  follow(handle: AttemptHandle, afterSeq: number, signal: AbortSignal): AsyncIterable<WorkerEvent>;
  /** Null while the process lives. */
  exit(handle: AttemptHandle): Promise<AttemptExit | null>;
  /** Tells the attempt how to go on between two steps; what was told before is forgotten. */
  control(handle: AttemptHandle, control: WorkerControl): Promise<void>;
  /** Asks probes and questions, all that are open; what was asked before and is not among them is forgotten. */
  ask(handle: AttemptHandle, probes: WorkerProbes): Promise<void>;
  /** What the attempt answers to them, as it is made: all of it, or what is being answered now and what follows. Ends with the process. */
  followProbes(handle: AttemptHandle, from: 'start' | 'now', signal: AbortSignal): AsyncIterable<ProbeDelta>;
  /** Ends the process at once; it is gone when this returns. */
  kill(handle: AttemptHandle): Promise<void>;
  /**
   * Judges answers of the serving engine by the weights as they were trained, in a process of low priority. Throws
   * `worker_unavailable`, `disk_full`.
   */
  score(task: ScoreTask): Promise<ScoreResult>;
  /**
   * Makes a model into another form: the folder of the task is there when this returns, and nothing of it when it throws or the signal
   * has ended it. Throws `model_refused` when the model cannot have this form, `disk_full`, `worker_unavailable`.
   */
  export(task: ExportTask, signal: AbortSignal): Promise<void>;
  /** Lets go of what this platform process holds; running attempts go on. */
  close(): Promise<void>;
}
