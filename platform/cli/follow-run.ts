/** The events of a run from the server's live stream, without gap or duplicate over lost connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';

/** How long a platform may be away (restarting) before following gives up. */
const patienceMs = 120_000;

/**
 * Events with seq > `afterSeq`, until the run's last one. A platform that goes away is looked for again; `onLost` hears of it once.
 * Throws the signal's reason when it aborts.
 */
export async function* followRun(
  client: Client,
  runId: string,
  options: { afterSeq?: number; signal?: AbortSignal; onLost?: () => void } = {},
): AsyncGenerator<TrainingRunEvent, void> {
  let seen = options.afterSeq ?? 0;
  let lostAt: number | null = null;
  for (;;) {
    try {
      const headers: Record<string, string> = seen > 0 ? { 'last-event-id': String(seen) } : {};
      const path = `/api/v1/training/jobs/${encodeURIComponent(runId)}/events/stream`;
      for await (const { event, data } of client.events(path, { headers, signal: options.signal })) {
        lostAt = null;
        if (event === 'end') return;
        const read = JSON.parse(data) as TrainingRunEvent;
        if (read.seq <= seen) continue;
        seen = read.seq;
        yield read;
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason as Error;
      if (error instanceof CliError && error.code !== 'server_unreachable') throw error;
      if (lostAt !== null && Date.now() - lostAt > patienceMs) throw error;
    }
    if (lostAt === null) options.onLost?.();
    lostAt ??= Date.now();
    await sleep(1000, undefined, { signal: options.signal });
  }
}
