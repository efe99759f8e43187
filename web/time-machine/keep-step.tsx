/** Makes a checkpoint of the weights of the moment, and leads to those that are kept. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { TrainingRun } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { checkpointsQuery } from '../api/queries.ts';
import { Button } from '../components/button.tsx';
import { toast, toastFailure } from '../layout/toasts.ts';
import type { Moment } from './timeline.ts';

export function KeepStep({ run, moment, isNow }: { run: TrainingRun; moment: Moment; isNow: boolean }) {
  const checkpoints = useQuery(checkpointsQuery(run.id));
  const kept = checkpoints.data?.data ?? [];
  const best = kept.find(({ step_number }) => step_number === run.best_step);
  const here = kept.find(({ step_number }) => step_number === moment.step);
  const keep = useMutation({
    mutationFn: () => call(`/api/v1/training/jobs/${encodeURIComponent(run.id)}/keep`, { method: 'POST' }),
    onSuccess: () => toast({ kind: 'good', text: 'The weights are saved when this step ends; they answer at once.' }),
    onError: toastFailure,
  });
  return (
    <div className="flex flex-wrap items-center gap-2">
      {run.status === 'running' && (
        <Button
          onClick={() => keep.mutate()}
          disabled={keep.isPending || !isNow}
          title={isNow ? undefined : 'Only the weights of now can still be kept'}
        >
          ★ Keep this step
        </Button>
      )}
      {here && <ChatLink model={here.fine_tuned_model_checkpoint} label={`Chat with step ${here.step_number}`} />}
      {best && best !== here && (
        <ChatLink model={best.fine_tuned_model_checkpoint} label={`★ Best by validation: step ${best.step_number}`} />
      )}
    </div>
  );
}

function ChatLink({ model, label }: { model: string; label: string }) {
  return (
    <Link to="/playground" search={{ model: model } as never} className="rounded border px-3 py-1.5 hover:bg-inset">
      {label}
    </Link>
  );
}
