/** Follows a run for as long as its page is open, and keeps what other parts of the page know of it up to date. */
import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { followStream } from '../api/follow-stream.ts';
import { checkpointsQuery, runQuery, seriesQuery } from '../api/queries.ts';
import { LiveRun, mostEvents } from './live-run.ts';
import { probesQuery } from '../time-machine/use-probes.ts';
import { everyFrame } from './every-frame.ts';

const points = 1500;

/** null until the run's curves are there. Renders again whenever they have changed, at most once a frame. */
export function useLiveRun(id: string): { live: LiveRun | null; error: unknown } {
  const client = useQueryClient();
  const series = useQuery(seriesQuery(id, points));
  const [held, setHeld] = useState<{ live: LiveRun } | null>(null);
  const first = series.data;

  useEffect(() => {
    if (!first) return;
    // The summary that was asked for when the page opened; the stream goes on after it.
    const live = new LiveRun(first);
    const show = everyFrame(() => {
      handOn(client, id, live.flush());
      if (live.isStale) void refresh(client, id, live, show);
      if (live.events.length > mostEvents) void makeRoom(client, id, live);
      setHeld({ live });
    });
    const stop = followStream({
      address: () => `/api/v1/training/jobs/${encodeURIComponent(id)}/events/stream?after=${live.newestSeq}`,
      onData: (data) => {
        const isGap = live.receive(data as TrainingRunEvent) === 'gap';
        show();
        return isGap ? 'reopen' : undefined;
      },
      onConnection: (connection) => {
        if (connection !== 'live') void client.invalidateQueries({ queryKey: runQuery(id).queryKey });
        live.connection = connection;
        show();
      },
    });
    return () => {
      stop();
      show.stop();
    };
  }, [client, id, first]);
  return { live: held?.live ?? null, error: series.error };
}

async function refresh(client: QueryClient, id: string, live: LiveRun, show: () => void): Promise<void> {
  live.isStale = false;
  const query = seriesQuery(id, points);
  // A failure is no harm: the points that are there stay, and the next step asks again.
  const series = await client.fetchQuery({ ...query, queryKey: [...query.queryKey, 'again'], staleTime: 0 }).catch(() => null);
  if (series) live.refresh(series);
  show();
}

/** Has the log ask the server again; the events that it has then need not be kept here. */
async function makeRoom(client: QueryClient, id: string, live: LiveRun): Promise<void> {
  const upTo = live.events[mostEvents >> 1]!.seq;
  live.forget(upTo);
  await client.resetQueries({ queryKey: ['events', id] });
}

/** Tells the rest of the page what the events say. */
function handOn(client: QueryClient, id: string, events: readonly TrainingRunEvent[]): void {
  if (events.length === 0) return;
  const step = events.findLast(({ event }) => event === 'run-step');
  if (step) {
    client.setQueryData<TrainingRun>(runQuery(id).queryKey, (run) => run && { ...run, ...progressOf(step) });
  }
  if (events.some(({ event }) => event !== 'run-step' && event !== 'log')) {
    void client.invalidateQueries({ queryKey: runQuery(id).queryKey });
  }
  if (events.some(({ event }) => event.startsWith('checkpoint-') || event === 'run-ended')) {
    void client.invalidateQueries({ queryKey: checkpointsQuery(id).queryKey });
    void client.invalidateQueries({ queryKey: ['models'] });
  }
  if (events.some(({ event }) => /^probe-(added|removed|round)$/.test(event))) {
    void client.invalidateQueries({ queryKey: probesQuery(id).queryKey });
  }
}

function progressOf({ data }: TrainingRunEvent): Partial<TrainingRun> {
  return {
    step: data['step'] as number,
    total_steps: data['total_steps'] as number,
    eta_seconds: data['eta_seconds'] as number | null,
  };
}
