/** `tuneloop plan`: what a run would take in time, memory and cost, from a few of its steps; nothing is trained. */
import type { Command } from '../command.ts';
import { exitCodes } from '../error-help.ts';
import { jobFlags, jobRequest, jobSettingsFlags, jobWords } from '../job-request.ts';
import { makePlan } from '../make-plan.ts';
import { planCard } from '../plan-card.ts';

export const command: Command = {
  words: jobWords,
  flags: [...jobFlags, ...jobSettingsFlags],
  examples: [
    'tuneloop plan examples/data/lumen-support.jsonl',
    'tuneloop plan rows.jsonl --n-epochs 5 --batch-size 16 --json time_seconds,peak_memory_bytes',
  ],
  fields: [
    'id',
    'state',
    'model',
    'training_file',
    'rows',
    'total_steps',
    'trained_tokens',
    'measured_steps',
    'measuring_seconds',
    'measured_beside',
    'time_seconds',
    'parts',
    'peak_memory_bytes',
    'memory_limit_bytes',
    'cost',
    'budget',
    'scored_runs',
    'config',
  ],
  async run(context, input) {
    const client = await context.client();
    const made = await makePlan(context, client, await jobRequest(context, client, input));
    if (!made) return exitCodes.interrupted;
    context.out.print(made.plan, () => `${made.plan.id}  ${made.plan.model}\n${planCard(made.plan, made.scores)}`);
    return exitCodes.ok;
  },
};
