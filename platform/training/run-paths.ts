/** Where the files of a run are, below the data folder. */
import { join } from 'node:path';

/** `path` of a row → relative to the data folder: `runs/<run id>/checkpoints/step-10`. */
export function artifactPath(runId: string, path: string): string {
  return join('runs', runId, path);
}

/** Output folder of the run: its checkpoints and its adapter. */
export function runFolder(dataDir: string, runId: string): string {
  return join(dataDir, 'runs', runId);
}

export function attemptFolder(dataDir: string, runId: string, attempt: number): string {
  return join(runFolder(dataDir, runId), `attempt-${attempt}`);
}
