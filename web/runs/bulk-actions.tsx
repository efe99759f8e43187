/** What can be done with several chosen runs at once: pause, resume, cancel; each is told of by itself. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { TrainingRun } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { toast, toastFailure } from '../layout/toasts.ts';
import { nameOfRun } from './name-of-run.ts';
import { isOver } from './run-states.ts';

type Action = 'pause' | 'resume' | 'cancel';

const said: Record<Action, string> = { pause: 'Pausing', resume: 'Resuming', cancel: 'Cancelling' };

export function BulkActions({ runs, onDone }: { runs: readonly TrainingRun[]; onDone: () => void }) {
  const [isAsking, setIsAsking] = useState(false);
  const client = useQueryClient();
  const steer = useMutation({
    mutationFn: async ({ action, chosen }: { action: Action; chosen: readonly TrainingRun[] }) => {
      const results = await Promise.allSettled(
        chosen.map(({ id }) => call(`/v1/fine_tuning/jobs/${encodeURIComponent(id)}/${action}`, { method: 'POST' })),
      );
      for (const result of results) if (result.status === 'rejected') toastFailure(result.reason);
      const count = results.filter(({ status }) => status === 'fulfilled').length;
      if (count > 0) toast({ kind: 'good', text: `${said[action]} ${count} ${count === 1 ? 'run' : 'runs'}.` });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
  const pausable = runs.filter(({ status }) => status === 'running' || status === 'queued');
  const paused = runs.filter(({ status }) => status === 'paused');
  const cancellable = runs.filter(({ status }) => !isOver(status));
  return (
    <div className="flex flex-wrap items-center gap-2" role="group" aria-label="Chosen runs">
      <span className="text-muted">{runs.length} chosen</span>
      {pausable.length > 0 && <Button onClick={() => steer.mutate({ action: 'pause', chosen: pausable })}>Pause {pausable.length}</Button>}
      {paused.length > 0 && <Button onClick={() => steer.mutate({ action: 'resume', chosen: paused })}>Resume {paused.length}</Button>}
      {cancellable.length > 0 && (
        <Button kind="danger" onClick={() => setIsAsking(true)}>
          Cancel {cancellable.length}
        </Button>
      )}
      <Button kind="quiet" onClick={onDone}>
        Choose none
      </Button>
      <Dialog title={`Cancel ${cancellable.length} runs?`} isOpen={isAsking} onClose={() => setIsAsking(false)}>
        <p>They stop after their step and cannot be resumed: {cancellable.map(nameOfRun).join(', ')}. Their checkpoints stay.</p>
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={() => setIsAsking(false)}>Let them run</Button>
          <Button
            kind="danger"
            onClick={() => {
              setIsAsking(false);
              steer.mutate({ action: 'cancel', chosen: cancellable });
            }}
          >
            Cancel them
          </Button>
        </div>
      </Dialog>
    </div>
  );
}
