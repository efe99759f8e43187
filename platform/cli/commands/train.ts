/** `tuneloop train`: uploads the files, starts the run, and watches it. */
import { createInterface } from 'node:readline/promises';
import type { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { wholeNumber, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../error-help.ts';
import { runFields } from '../find-run.ts';
import { jobFlags, type JobRequest, jobRequest, jobSettingsFlags, jobWords } from '../job-request.ts';
import { makePlan } from '../make-plan.ts';
import { planCard } from '../plan-card.ts';
import { reportEnd, watchRun } from '../watch-run.ts';

export const command: Command = {
  words: jobWords,
  flags: [
    ...jobFlags,
    { flags: '--plan', description: 'first tell what the run would take, and ask whether to start it' },
    { flags: '-y, --yes', description: 'with --plan: do not ask' },
    { flags: '--wait', description: 'show nothing until the end' },
    { flags: '--no-watch', description: 'start the run and come back at once' },
    { flags: '--timeout <seconds>', description: 'stop watching after so long (exit code 124); the run goes on', parse: wholeNumber(1) },
    ...jobSettingsFlags,
  ],
  examples: [
    'tuneloop train examples/data/lumen-support.jsonl --suffix lumen',
    'tuneloop train rows.jsonl --validation held-out.jsonl --n-epochs 5 --learning-rate 1e-3',
    'tuneloop train rows.jsonl --plan',
    'tuneloop train pairs.jsonl --method dpo --set method.beta=0.2',
    'tuneloop train -f run.yaml',
    'tuneloop train rows.jsonl --recipe examples/recipes/mistral-7b-lora.yaml --set adapter.r=32 --no-watch --json id',
  ],
  fields: runFields,
  async run(context, { words, flags }) {
    if (flags.wait && flags.watch === false)
      throw new CliError('usage', '--wait and --no-watch exclude each other', { fix: 'leave one of them out' });
    const client = await context.client();
    const body = await jobRequest(context, client, { words, flags });
    const plan = flags.plan ? await planFirst(context, client, body, flags.yes === true) : null;
    if (typeof plan === 'number') return plan;
    if (plan !== null) body.extensions = { ...body.extensions, plan };
    const job = await client.create<FineTuningJob>('/v1/fine_tuning/jobs', body);
    context.out.note(`${job.id}  ${job.model}`);
    if (flags.watch === false) {
      context.out.print(job, () => `${job.id} is ${job.status}\n  watch it  tuneloop run watch ${job.id}`);
      return 0;
    }
    // The result is the answer, so JSON of a watched run is its events, and of --wait the run as it ended.
    const run = await watchRun(context, client, job.id, {
      quiet: flags.wait === true,
      timeoutSeconds: flags.timeout as number | undefined,
    });
    if (flags.wait && run) context.out.print(run, () => `${run.id} is ${run.status}`);
    return reportEnd(context, run);
  },
};

/** The id of the plan once the person, where there is one to ask, has seen it and wants the run; else the exit code. */
async function planFirst(context: Context, client: Client, body: JobRequest, isAgreed: boolean): Promise<string | number> {
  const made = await makePlan(context, client, body);
  if (!made) return exitCodes.interrupted;
  context.out.note(planCard(made.plan, made.scores));
  if (isAgreed || !context.stdin.isTTY) return made.plan.id;
  const question = createInterface({ input: context.stdin, output: context.stderr });
  const answer = await question.question('  start the run? [Y/n] ');
  question.close();
  if (/^\s*(y|yes)?\s*$/i.test(answer)) return made.plan.id;
  context.out.note('nothing was started');
  return exitCodes.ok;
}
