/** The checkpoints of a run with what they score, each a model that can be chatted with. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { TrainingRun } from '#contract/training-run.ts';
import { checkpointsQuery } from '../api/queries.ts';
import { FailureView } from '../components/failure-view.tsx';
import { clockTime, figure, percent } from '../components/format.ts';
import { Waiting } from '../components/waiting.tsx';

export function CheckpointTable({ run }: { run: TrainingRun }) {
  const checkpoints = useQuery(checkpointsQuery(run.id));
  if (checkpoints.isError) return <FailureView error={checkpoints.error} onRetry={() => void checkpoints.refetch()} />;
  if (!checkpoints.data) return <Waiting for="the checkpoints" />;
  if (checkpoints.data.data.length === 0) return <p className="text-muted">No checkpoint has been saved yet.</p>;
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Checkpoints">
      <table className="w-full text-left">
        <thead className="text-[13px] text-muted">
          <tr className="border-b">
            {['Step', 'Saved', 'Training loss', 'Validation loss', 'Validation accuracy', 'Model'].map((heading) => (
              <th key={heading} className="whitespace-nowrap py-1 pr-4 font-medium">
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {checkpoints.data.data.map(({ id, step_number, created_at, metrics, fine_tuned_model_checkpoint: model }) => (
            <tr key={id} className="border-b last:border-0">
              <td className="py-1.5 pr-4 font-mono">
                {step_number}
                {step_number === run.best_step && <span title="Lowest validation loss"> ★</span>}
              </td>
              <td className="pr-4 font-mono text-[13px]">{clockTime(created_at)}</td>
              <td className="pr-4 font-mono">{metrics.train_loss === undefined ? '–' : figure(metrics.train_loss)}</td>
              <td className="pr-4 font-mono">{metrics.full_valid_loss === undefined ? '–' : figure(metrics.full_valid_loss)}</td>
              <td className="pr-4 font-mono">
                {metrics.full_valid_mean_token_accuracy === undefined ? '–' : percent(metrics.full_valid_mean_token_accuracy)}
              </td>
              <td className="whitespace-nowrap">
                <Link to="/playground" search={{ model } as never} className="text-accent underline" title={model}>
                  Chat with it
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
