/** Asks the platform for a plan and waits for it; Ctrl-C ends the measurement. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import type { JobRequest } from './job-request.ts';
import { openLiveBlock } from './live-block.ts';

const pollMs = 250;

/** A plan that is ready, and how earlier ones came true; null when the person let go. Throws `plan_failed`. */
export async function makePlan(
  context: Context,
  client: Client,
  request: JobRequest,
): Promise<{ plan: TrainingPlan; scores: TrainingPlanScores } | null> {
  const interrupted = context.interrupted();
  const block = context.stderr.isTTY === true ? openLiveBlock(context.stderr) : null;
  let plan = await client.ask<TrainingPlan>('/api/v1/training/plans', { method: 'POST', body: request });
  const path = `/api/v1/training/plans/${encodeURIComponent(plan.id)}`;
  if (!block) context.out.note('  measuring');
  while (plan.state === 'measuring') {
    block?.draw([`  measuring${plan.measured_steps > 0 ? `: step ${plan.measured_steps}` : ''}`]);
    if (await isInterrupted(interrupted)) {
      await client.ask(path, { method: 'DELETE' });
      context.out.note('\nthe measurement is stopped');
      return null;
    }
    plan = await client.ask<TrainingPlan>(path);
  }
  block?.end();
  if (plan.failure) throw new CliError('plan_failed', plan.failure.message, { fix: plan.failure.next_step });
  const scores = await client.ask<TrainingPlanScores>('/api/v1/training/plans/scores');
  return { plan, scores };
}

/** After a moment, or at once. */
async function isInterrupted(signal: AbortSignal): Promise<boolean> {
  await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  return signal.aborted;
}
