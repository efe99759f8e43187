/** Tells a run what to do, and says what that came to. */
import type { TrainingRun } from '#contract/training-run.ts';
import type { Input } from './command.ts';
import type { Context } from './context.ts';

type Action = 'cancel' | 'pause' | 'resume' | 'keep' | 'stop';

/** A run that is training does as it is told between two steps, so its status may follow a moment later. */
export async function steerRun({ out, client }: Context, { words: [id] }: Input, action: Action): Promise<void> {
  const run = await (await client()).ask<TrainingRun>(`/api/v1/training/jobs/${encodeURIComponent(id!)}/${action}`, { method: 'POST' });
  out.print(run, () => `${run.id} ${told(run, action)}`);
}

function told(run: TrainingRun, action: Action): string {
  if (action === 'resume') return 'goes on';
  if (run.status !== 'running') return `is ${run.status}`;
  if (action === 'keep') return `keeps its next step as a checkpoint; see it with: tuneloop model ls`;
  return action === 'stop' ? 'stops after its step, and makes a model of it' : `stops at its next step (${action})`;
}
