/** Cancels, pauses or resumes a run, and says what that came to. */
import type { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import type { Input } from './command.ts';
import type { Context } from './context.ts';

/** A run that is training does as it is told between two steps, so its status may follow a moment later. */
export async function steerRun({ out, client }: Context, { words: [id] }: Input, action: 'cancel' | 'pause' | 'resume'): Promise<void> {
  const job = await (await client()).ask<FineTuningJob>(`/v1/fine_tuning/jobs/${encodeURIComponent(id!)}/${action}`, { method: 'POST' });
  const asked = action === 'resume' ? 'goes on' : job.status === 'running' ? `stops at its next step (${action})` : `is ${job.status}`;
  out.print(job, () => `${job.id} ${asked}`);
}
