/** Reads the answers of an attempt from its file while the worker still makes them. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { ProbeDelta } from '#contract/probe.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { Signal } from '../../signal.ts';
import { GrowingFile } from './growing-file.ts';

/** How long a change may go unseen where the file system does not report changes. */
const pollMs = 200;

/** Every piece, until `hasEnded`. From now on: first what has been said of each answer that is not whole yet, as one piece. */
export async function* followProbes(
  attemptDir: string,
  from: 'start' | 'now',
  hasEnded: () => Promise<boolean>,
  signal: AbortSignal,
): AsyncGenerator<ProbeDelta, void> {
  const path = join(attemptDir, 'probe-tokens.jsonl');
  const changed = new Signal();
  const watcher = watch(attemptDir, () => changed.raise());
  watcher.on('error', () => {});
  const lines = new GrowingFile(path);
  try {
    if (from === 'now') yield* await unfinished(path, lines);
    while (!signal.aborted) {
      const waiting = new AbortController();
      const change = changed.next(pollMs, AbortSignal.any([signal, waiting.signal]));
      // Asked before reading: what was written before the end is read after it.
      const isLastLook = await hasEnded();
      for await (const line of lines.read()) {
        if (signal.aborted) return waiting.abort();
        yield readDelta(path, line);
      }
      if (isLastLook) return waiting.abort();
      await change;
    }
  } finally {
    watcher.close();
    await lines.close();
  }
}

/** Reads up to the present end of the file. */
async function unfinished(path: string, lines: GrowingFile): Promise<ProbeDelta[]> {
  const open = new Map<string, ProbeDelta>();
  for await (const line of lines.read()) {
    const delta = readDelta(path, line);
    const key = `${delta.probe_id} ${delta.lane} ${delta.step}`;
    if (delta.done) open.delete(key);
    else open.set(key, { ...delta, text: (open.get(key)?.text ?? '') + delta.text });
  }
  return [...open.values()];
}

function readDelta(path: string, line: string): ProbeDelta {
  const parsed = ProbeDelta.safeParse(jsonOf(line));
  if (parsed.success) return parsed.data;
  throw new PlatformError(
    'worker_unavailable',
    `${path}: a line is not what this platform's worker writes (${parsed.error.issues[0]?.message})`,
  );
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
