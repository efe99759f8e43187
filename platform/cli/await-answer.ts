/** Prints the answer to a question that a run was just asked, as it is made. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeAnswerList, ProbeDelta, RunProbeAnswer } from '#contract/probe.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './error-help.ts';
import { plainText } from './plain-text.ts';

/** The stream may come too late for a quick answer, so that the stored one is looked for as well. */
const lookEveryMs = 500;

/** `path` is that of the run's probes. Throws `run_failed` when the run ends before it answers. */
export async function awaitAnswer(context: Context, client: Client, path: string, probeId: string): Promise<number> {
  const interrupted = context.interrupted();
  const answered = new AbortController();
  const signal = AbortSignal.any([interrupted, answered.signal]);
  const printed = { text: '' };
  context.out.note('  waiting for at most a step');
  const printing = printPieces(context, client, `${path}/stream`, probeId, printed, signal).catch(() => undefined);
  try {
    const answer = await storedAnswer(client, path, probeId, interrupted);
    answered.abort();
    await printing;
    context.out.print(answer, () => plainText(answer.text.slice(answer.text.startsWith(printed.text) ? printed.text.length : 0)));
    const waited = answer.waited_seconds === null ? '' : `, after ${answer.waited_seconds.toFixed(1)} s`;
    context.out.note(`  step ${answer.step}${waited}`);
    return exitCodes.ok;
  } catch (error) {
    if (!interrupted.aborted) throw error;
    context.out.note('\nthe question stays asked\n  see the answer  tuneloop run probe ls');
    return exitCodes.interrupted;
  } finally {
    answered.abort();
  }
}

async function printPieces(
  { out }: Context,
  client: Client,
  path: string,
  probeId: string,
  printed: { text: string },
  signal: AbortSignal,
): Promise<void> {
  for await (const { event, data } of client.events(path, { signal })) {
    if (event === 'end') return;
    const delta = JSON.parse(data) as ProbeDelta;
    if (delta.probe_id !== probeId || delta.text === '') continue;
    printed.text += delta.text;
    out.write(plainText(delta.text));
  }
}

async function storedAnswer(client: Client, path: string, probeId: string, signal: AbortSignal): Promise<RunProbeAnswer> {
  for (;;) {
    // Asked before its answers: a run that has ended answers no more.
    const run = await client.ask<TrainingRun>(path.replace(/\/probes$/, ''), { signal });
    const { data } = await client.ask<ProbeAnswerList>(`${path}/answers`, { query: { probe_id: probeId }, signal });
    if (data[0]) return data[0];
    if (run.finished_at !== null)
      throw new CliError('run_failed', `${run.id} ended (${run.status}) before it answered`, {
        fix: `tuneloop ask -m ${run.fine_tuned_model ?? run.model} "…"`,
      });
    await sleep(lookEveryMs, undefined, { signal });
  }
}
