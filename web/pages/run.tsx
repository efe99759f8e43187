/** One run, live: how far it is, its curves, its answers at every step, and all that it told. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import type { TrainingRun } from '#contract/training-run.ts';
import { runQuery } from '../api/queries.ts';
import { Tabs } from '../code/code-view.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { Waiting } from '../components/waiting.tsx';
import { CheckpointTable } from '../run-page/checkpoint-table.tsx';
import { EventLog } from '../run-page/event-log.tsx';
import { eventsQuery } from '../run-page/events-query.ts';
import { FrozenConfig } from '../run-page/frozen-config.tsx';
import { joinEvents } from '../run-page/join-events.ts';
import type { LiveRun } from '../run-page/live-run.ts';
import { RunCharts } from '../run-page/run-charts.tsx';
import { RunHeader } from '../run-page/run-header.tsx';
import { useLiveRun } from '../run-page/use-live-run.ts';
import { TimeMachine } from '../time-machine/time-machine.tsx';

export function Page() {
  const { id } = useParams({ strict: false }) as { id: string };
  return <RunById key={id} id={id} />;
}

function RunById({ id }: { id: string }) {
  const run = useQuery(runQuery(id));
  const { live, error } = useLiveRun(id);
  if (run.isError) return <FailureView error={run.error} onRetry={() => void run.refetch()} />;
  if (error) return <FailureView error={error} />;
  if (!run.data || !live) return <Waiting for="the run" />;
  return <RunPanels run={run.data} live={live} version={live.version} />;
}

/** Pages of notable events that are read for the phases. */
const mostPages = 8;

function RunPanels({ run, live, version }: { run: TrainingRun; live: LiveRun; version: number }) {
  const stored = useInfiniteQuery(eventsQuery(run.id, 'notable'));
  const events = useMemo(
    () => joinEvents(stored.data?.pages ?? [], live.eventsAt(version), 'notable').reverse(),
    [stored.data, live, version],
  );
  // The phases of a long run began many events ago.
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = stored;
  const isShort = (stored.data?.pages.length ?? 0) < mostPages;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && isShort) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isShort, fetchNextPage]);
  return (
    <div className="flex flex-col gap-3" data-run={run.id} data-last-seq={live.lastSeq} data-points={live.curves.loss.step.length}>
      <RunHeader run={run} events={events} connection={live.connection} />
      <div className="grid items-start gap-3 xl:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
        <RunCharts runId={run.id} model={run.fine_tuned_model} curves={live.curves} version={version} />
        <TimeMachine run={run} live={live} version={version} />
      </div>
      <RunTabs run={run} live={live} version={version} />
    </div>
  );
}

const tabs = ['Events', 'Checkpoints', 'Config'];

function RunTabs({ run, live, version }: { run: TrainingRun; live: LiveRun; version: number }) {
  const [tab, setTab] = useUrlState('tab', 'Events');
  const shown = tabs.includes(tab) ? tab : 'Events';
  return (
    <section className="min-w-0 rounded-lg border bg-card">
      <div className="border-b px-3 py-1.5">
        <Tabs id="run" labels={tabs} chosen={shown} onChoose={setTab} />
      </div>
      <div role="tabpanel" id="run-panel" aria-labelledby={`run-${shown}`} className="p-3">
        {shown === 'Events' && <EventLog runId={run.id} live={live} version={version} />}
        {shown === 'Checkpoints' && <CheckpointTable run={run} />}
        {shown === 'Config' && <FrozenConfig run={run} />}
      </div>
    </section>
  );
}
