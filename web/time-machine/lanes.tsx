/** The three lanes side by side, at one moment of the run. */
import { useEffect, useState } from 'react';
import type { Probe, ProbeLane } from '#contract/probe.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { duration } from '../components/format.ts';
import { Lane } from './lane.tsx';
import type { Moment, Timeline } from './timeline.ts';
import { draftKey, type Draft, type Drafts } from './use-deltas.ts';

interface LanesProps {
  run: TrainingRun;
  probe: Probe;
  timeline: Timeline;
  moment: Moment;
  drafts: Drafts;
  /** When the person asked, by performance.now(); left out for probes that were there before. */
  askedAtMs: number | undefined;
}

export function Lanes({ run, probe, timeline, moment, drafts, askedAtMs }: LanesProps) {
  /** A draft counts while its answer is not stored yet. */
  const draftOf = (lane: ProbeLane): Draft | undefined => {
    const draft = drafts.get(draftKey(probe.id, lane));
    const stored = lane === 'base' ? timeline.base : timeline[lane].at(-1);
    return draft && (!stored || draft.step > stored.step) ? draft : undefined;
  };
  const live = draftOf('live');
  const isWaiting = !moment.live && (!live || live.state === 'waiting') && run.status === 'running';
  const baseText = moment.base?.text ?? null;
  return (
    <div className="flex flex-col gap-2">
      {isWaiting && askedAtMs !== undefined && <WaitClock sinceMs={askedAtMs} />}
      {moment.live && moment.live.waited_seconds !== null && (
        <p className="text-[13px] text-muted">
          Answered at step {moment.live.step}: first token <strong className="text-ink">{duration(moment.live.waited_seconds)}</strong>{' '}
          after it was asked.
        </p>
      )}
      <div className="grid gap-2 md:grid-cols-3">
        <Lane
          title="base"
          answer={moment.base}
          draft={draftOf('base')}
          baseText={null}
          history={moment.base ? [moment.base] : []}
          waitingFor={probe.origin === 'asked' ? 'Asked of the live weights only.' : 'The base has not answered yet.'}
        />
        <Lane
          title={moment.checkpoint ? `checkpoint ${moment.checkpoint.step}` : 'checkpoint'}
          answer={moment.checkpoint}
          draft={draftOf('checkpoint')}
          baseText={baseText}
          history={timeline.checkpoint}
          waitingFor={probe.origin === 'asked' ? 'Asked of the live weights only.' : 'No checkpoint has been saved by this step.'}
        />
        <Lane
          isLive
          title={`live ${live ? live.step : (moment.live?.step ?? '')}`.trim()}
          answer={live ? null : moment.live}
          draft={live}
          baseText={baseText}
          history={timeline.live}
          waitingFor={run.status === 'running' ? 'Answers between two steps…' : 'Never answered.'}
        />
      </div>
      {probe.reference !== null && (
        <details className="text-[13px]">
          <summary className="text-muted">Reference answer</summary>
          <p className="mt-1 whitespace-pre-wrap break-words rounded border px-2.5 py-2">{probe.reference}</p>
        </details>
      )}
    </div>
  );
}

const tickMs = 100;

function WaitClock({ sinceMs }: { sinceMs: number }) {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  return (
    <p role="status" className="text-[13px] text-warn">
      Waiting for the step to end: {((nowMs - sinceMs) / 1000).toFixed(1)} s
    </p>
  );
}
