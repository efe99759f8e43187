/** Pause, resume, stop and keep, cancel: what the run can be asked for in its state. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { TrainingRun } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { runQuery } from '../api/queries.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';
import { toast, toastFailure } from '../layout/toasts.ts';
import { isOver } from '../runs/run-states.ts';
import { CopyAs } from './copy-as.tsx';
import { ForkLink } from './fork-link.tsx';

const actions = {
  pause: { group: '/v1/fine_tuning', said: 'Pausing: a checkpoint is saved after this step.' },
  resume: { group: '/v1/fine_tuning', said: 'The run waits for its turn.' },
  cancel: { group: '/v1/fine_tuning', said: 'Cancelling: the worker stops after this step. Its checkpoints stay.' },
  stop: { group: '/api/v1/training', said: 'Stopping: the weights after this step become the model.' },
} as const;
type Action = keyof typeof actions;

export function SteerButtons({ run }: { run: TrainingRun }) {
  const [isAsking, setIsAsking] = useState(false);
  const client = useQueryClient();
  const steer = useMutation({
    mutationFn: (action: Action) => call(`${actions[action].group}/jobs/${encodeURIComponent(run.id)}/${action}`, { method: 'POST' }),
    onSuccess: (_, action) => toast({ kind: 'good', text: actions[action].said }),
    onError: toastFailure,
    onSettled: () => client.invalidateQueries({ queryKey: runQuery(run.id).queryKey }),
  });
  const canPause = run.status === 'running' || run.status === 'queued';
  const isPaused = run.status === 'paused';
  useShortcuts(
    isOver(run.status)
      ? []
      : [
          {
            keys: 'P',
            label: isPaused ? 'Resume the run' : 'Pause the run',
            group: 'Run',
            run: () => steer.mutate(isPaused ? 'resume' : 'pause'),
          },
          { keys: 'X', label: 'Cancel the run (asks first)', group: 'Run', run: () => setIsAsking(true) },
        ],
  );
  const act = (action: Action): void => {
    setIsAsking(false);
    steer.mutate(action);
  };
  return (
    <span className="flex flex-wrap items-center gap-1.5">
      {canPause && (
        <Button keys="P" onClick={() => act('pause')} disabled={steer.isPending}>
          Pause
        </Button>
      )}
      {isPaused && (
        <Button kind="primary" keys="P" onClick={() => act('resume')} disabled={steer.isPending}>
          Resume
        </Button>
      )}
      {run.status === 'running' && (
        <Button
          onClick={() => act('stop')}
          disabled={steer.isPending || run.step === 0}
          title="Ends the training; what was learnt so far becomes the model"
        >
          Stop &amp; keep
        </Button>
      )}
      {!isOver(run.status) && (
        <Button kind="danger" keys="X" onClick={() => setIsAsking(true)} disabled={steer.isPending}>
          Cancel
        </Button>
      )}
      <ForkLink runId={run.id} />
      <CopyAs run={run} />
      {isAsking && <CancelDialog run={run} onClose={() => setIsAsking(false)} onAct={act} />}
    </span>
  );
}

interface CancelDialogProps {
  run: TrainingRun;
  onClose: () => void;
  onAct: (action: Action) => void;
}

function CancelDialog({ run, onClose, onAct }: CancelDialogProps) {
  return (
    <Dialog title="Cancel this run?" isOpen onClose={onClose}>
      <p>
        It stops after its step {run.step} of {run.total_steps ?? '?'} and cannot be resumed. The checkpoints it has saved stay, and can be
        chatted with. To keep what it has learnt as a model, choose “Stop &amp; keep”.
      </p>
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>Let it run</Button>
        {run.status === 'running' && run.step > 0 && <Button onClick={() => onAct('stop')}>Stop &amp; keep</Button>}
        <Button kind="danger" onClick={() => onAct('cancel')}>
          Cancel the run
        </Button>
      </div>
    </Dialog>
  );
}
