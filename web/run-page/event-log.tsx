/** Everything the run has told, newest first; only the lines in sight are in the page, however many there are. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { FailureView } from '../components/failure-view.tsx';
import { clockTime } from '../components/format.ts';
import { VirtualList } from '../components/virtual-list.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { eventsQuery } from './events-query.ts';
import type { LiveRun } from './live-run.ts';
import { joinEvents } from './join-events.ts';

const rowHeight = 26;

export function EventLog({ runId, live, version }: { runId: string; live: LiveRun; version: number }) {
  const [kind, setKind] = useUrlState('events', 'notable');
  const [openSeq, setOpenSeq] = useState<number | null>(null);
  const stored = useInfiniteQuery(eventsQuery(runId, kind === 'all' ? 'all' : 'notable'));
  const events = useMemo(
    () => joinEvents(stored.data?.pages ?? [], live.eventsAt(version), kind === 'all' ? 'all' : 'notable'),
    [stored.data, live, version, kind],
  );
  const open = events.find(({ seq }) => seq === openSeq);
  if (stored.isError) return <FailureView error={stored.error} onRetry={() => void stored.refetch()} />;
  return (
    <div className="flex flex-col gap-2">
      <label className="flex items-center gap-2 text-[13px]">
        <input type="checkbox" checked={kind === 'all'} onChange={(event) => setKind(event.target.checked ? 'all' : 'notable')} />
        every single step
      </label>
      <VirtualList
        label="Events, newest first"
        items={events}
        rowHeight={rowHeight}
        height={320}
        keyOf={({ seq }) => seq}
        onEnd={() => stored.hasNextPage && !stored.isFetchingNextPage && void stored.fetchNextPage()}
        renderRow={(event) => (
          <EventRow event={event} isOpen={event.seq === openSeq} onOpen={() => setOpenSeq(event.seq === openSeq ? null : event.seq)} />
        )}
      />
      {open && (
        <pre
          tabIndex={0}
          aria-label="The event as it is stored"
          className="max-h-60 overflow-auto rounded border bg-inset p-2 font-mono text-[12px]"
        >
          {JSON.stringify({ seq: open.seq, event: open.event, ...open.data }, null, 2)}
        </pre>
      )}
    </div>
  );
}

const levels: Record<TrainingRunEvent['level'], string> = { info: '', warn: 'text-warn', error: 'text-bad' };

function EventRow({ event, isOpen, onOpen }: { event: TrainingRunEvent; isOpen: boolean; onOpen: () => void }) {
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={onOpen}
      className="flex h-full w-full items-center gap-3 px-2 text-left hover:bg-inset aria-expanded:bg-accent-soft"
    >
      <span className="w-12 shrink-0 text-right font-mono text-[12px] text-muted tabular-nums">{event.seq}</span>
      <span className="shrink-0 font-mono text-[12px] text-muted">{clockTime(event.created_at)}</span>
      <span className={`truncate ${levels[event.level]}`}>{event.message}</span>
    </button>
  );
}
