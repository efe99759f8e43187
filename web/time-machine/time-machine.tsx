/** The same question, answered by the base, the last checkpoint and the weights of the moment, while the run goes on. */
import { useState } from 'react';
import type { TrainingRun } from '#contract/training-run.ts';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { percent } from '../components/format.ts';
import { useUrlState } from '../components/use-url-state.ts';
import { Waiting } from '../components/waiting.tsx';
import type { LiveRun } from '../run-page/live-run.ts';
import { AskLive } from './ask-live.tsx';
import { KeepStep } from './keep-step.tsx';
import { Lanes } from './lanes.tsx';
import { ProbePicker } from './probe-picker.tsx';
import { StepSlider } from './step-slider.tsx';
import { momentAt, stepsOf, timelineOf } from './timeline.ts';
import { useDeltas } from './use-deltas.ts';
import { useProbes } from './use-probes.ts';

export function TimeMachine({ run, live, version }: { run: TrainingRun; live: LiveRun; version: number }) {
  const { probes, answers } = useProbes(run.id, live, version);
  const isRunning = run.status === 'running';
  const drafts = useDeltas(run.id, isRunning);
  const [chosen, choose] = useUrlState('probe');
  const [step, setStep] = useUrlState('step');
  const [askedAtMs, setAskedAtMs] = useState<Record<string, number>>({});
  if (probes.isError) return <FailureView error={probes.error} onRetry={() => void probes.refetch()} />;
  if (!probes.data || !answers) return <Waiting for="the probes" />;

  const known = probes.data.data;
  const probe = known.find(({ id }) => id === chosen) ?? known.find(({ origin }) => origin !== 'asked') ?? known[0];
  const timeline = timelineOf(answers, probe?.id ?? '');
  const steps = stepsOf(timeline);
  const position = step !== '' && steps.includes(Number(step)) ? Number(step) : null;
  return (
    <Card title="Time machine" actions={<ProbeCost share={probes.data.share} interval={probes.data.interval_steps} />}>
      <div className="flex flex-col gap-3">
        {probe ? (
          <>
            <ProbePicker runId={run.id} probes={known} probe={probe} isRunning={isRunning} onChoose={choose} />
            <StepSlider steps={steps} position={position} onMove={(to) => setStep(to === null ? '' : String(to))} isRunning={isRunning} />
            <Lanes
              run={run}
              probe={probe}
              timeline={timeline}
              moment={momentAt(timeline, position)}
              drafts={position === null ? drafts : new Map()}
              askedAtMs={askedAtMs[probe.id]}
            />
          </>
        ) : (
          <p className="text-muted">{nothingAsked(run)}</p>
        )}
        {isRunning && run.config.probes?.enabled !== false && (
          <AskLive
            runId={run.id}
            onAsked={(id) => {
              setAskedAtMs((before) => ({ ...before, [id]: performance.now() }));
              choose(id);
              setStep('');
            }}
          />
        )}
        <KeepStep run={run} moment={momentAt(timeline, position)} isNow={position === null} />
      </div>
    </Card>
  );
}

function nothingAsked(run: TrainingRun): string {
  if (run.config.probes?.enabled === false) return 'This run was started with its probes switched off.';
  if (run.status === 'queued' || run.status === 'validating_files') return 'The probes are picked when the run starts.';
  return run.status === 'running' ? 'No probe yet: ask something below.' : 'This run was asked nothing while it trained.';
}

function ProbeCost({ share, interval }: { share: number | null; interval: number | null }) {
  if (share === null) return null;
  return (
    <span className="text-[13px] text-muted" data-probe-share={share}>
      probes cost <strong className="text-ink">{percent(share, 1)}</strong> of the time
      {interval !== null && ` · every ${interval} ${interval === 1 ? 'step' : 'steps'}`} · loss unaffected ✓
    </span>
  );
}
