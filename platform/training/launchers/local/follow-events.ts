/** Reads the events of an attempt from its file while the worker still writes to it. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { WorkerEvent } from '#contract/worker.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { Signal } from '../../signal.ts';
import { GrowingFile } from './growing-file.ts';

/** How long a change may go unseen where the file system does not report changes. */
const pollMs = 500;
const terminalTypes: readonly WorkerEvent['type'][] = ['run-ended', 'run-paused', 'run-cancelled', 'run-failed', 'run-measured'];

/**
 * Events with seq > `afterSeq`, until the last one of the attempt, or until `hasEnded` and the file is read to its end. A line
 * without its line end waits for the rest. Throws `worker_unavailable` when a line is no event or a seq is missing.
 */
export async function* followEvents(
  attemptDir: string,
  afterSeq: number,
  hasEnded: () => Promise<boolean>,
  signal: AbortSignal,
): AsyncGenerator<WorkerEvent, void> {
  const path = join(attemptDir, 'events.jsonl');
  const changed = new Signal();
  const watcher = watch(attemptDir, () => changed.raise());
  watcher.on('error', () => {});
  const lines = new GrowingFile(path);
  let seq = 0;
  try {
    while (!signal.aborted) {
      const waiting = new AbortController();
      const change = changed.next(pollMs, AbortSignal.any([signal, waiting.signal]));
      // Asked before reading: what was written before the end is read after it.
      const isLastLook = await hasEnded();
      for await (const line of lines.read()) {
        const event = readEvent(path, line, seq + 1);
        seq = event.seq;
        if (seq > afterSeq) yield event;
        if (terminalTypes.includes(event.type) || signal.aborted) return waiting.abort();
      }
      if (isLastLook) return waiting.abort();
      await change;
    }
  } finally {
    watcher.close();
    await lines.close();
  }
}

function readEvent(path: string, line: string, seq: number): WorkerEvent {
  const parsed = WorkerEvent.safeParse(jsonOf(line));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PlatformError(
      'worker_unavailable',
      `${path}, line ${seq}: not an event of this platform's worker (${issue?.path.join('.')}: ${issue?.message})`,
    );
  }
  if (parsed.data.seq !== seq)
    throw new PlatformError('worker_unavailable', `${path}, line ${seq}: its seq is ${parsed.data.seq}, so events are missing`);
  return parsed.data;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
