/** Shows a run until it ends: a live block on a terminal, lines elsewhere, JSON lines on request. Ctrl-C lets go of it; it goes on. */
import type { ProbeDelta } from '#contract/probe.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import type { Client } from './client.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { exitCodes } from './error-help.ts';
import { followRun } from './follow-run.ts';
import { openLiveBlock } from './live-block.ts';
import { advanceDelta, advanceProbes, probeBlock, startProbes } from './probe-block.ts';
import { runBlock, runLine } from './run-block.ts';
import { advance, startProgress } from './run-progress.ts';

/** Lines to read come no faster than this where nothing can be rewritten. */
const lineEveryMs = 5000;

export interface WatchOptions {
  /** Nothing is shown but the end. */
  quiet?: boolean;
  /** Gives up watching after so long; the run goes on. */
  timeoutSeconds?: number;
}

/**
 * Resolves to the run once it has ended, or to null when the person let go with Ctrl-C. Throws `timed_out`. With JSON wanted each
 * event is a line on stdout.
 */
export async function watchRun(context: Context, client: Client, runId: string, options: WatchOptions = {}): Promise<TrainingRun | null> {
  const interrupted = context.interrupted();
  const timeout = options.timeoutSeconds === undefined ? null : AbortSignal.timeout(options.timeoutSeconds * 1000);
  const signal = timeout ? AbortSignal.any([interrupted, timeout]) : interrupted;
  const view = options.quiet ? quietView : context.out.isJson ? null : openView(context);
  const progress = startProgress();
  const watching = new AbortController();
  if (view?.delta) void followDeltas(client, runId, view, AbortSignal.any([signal, watching.signal]));
  try {
    const onLost = (): void => context.out.note('  the platform is away; looking for it again (the run itself goes on)');
    for await (const event of followRun(client, runId, { signal, onLost })) {
      advance(progress, event);
      if (view) view.event(event, progress);
      else context.out.line(event, () => null);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    view?.close();
    if (!interrupted.aborted)
      throw new CliError('timed_out', `${runId} has not ended within ${options.timeoutSeconds} s; it goes on`, {
        fix: `tuneloop run watch ${runId}`,
      });
    const ways = { 'come back': 'watch', 'ask it': 'probe ask "…" --run', 'stop and keep': 'stop', 'cancel it': 'cancel' };
    const lines = Object.entries(ways).map(([what, command]) => `\n  ${what.padEnd(13)}  tuneloop run ${command} ${runId}`);
    context.out.note(`\nthe run goes on without you${lines.join('')}`);
    return null;
  } finally {
    watching.abort();
  }
  view?.close();
  return client.ask<TrainingRun>(`/api/v1/training/jobs/${encodeURIComponent(runId)}`);
}

/** The exit code of a run that was watched; a failed one is told with its cause and next step. */
export function reportEnd(context: Context, run: TrainingRun | null): number {
  if (run === null) return exitCodes.interrupted;
  if (run.failure) {
    const { cause, message, next_step } = run.failure;
    throw new CliError(cause, `${run.id} has failed: ${message}`, {
      fix: next_step || `tuneloop run show ${run.id}`,
      exitCode: exitCodes.failed,
    });
  }
  if (run.status === 'succeeded') {
    context.out.note(`✓ ${run.fine_tuned_model}\n  talk to it  tuneloop chat ${run.fine_tuned_model}`);
    return exitCodes.ok;
  }
  context.out.note(`the run is ${run.status}`);
  return exitCodes.failed;
}

interface View {
  event(event: TrainingRunEvent, progress: ReturnType<typeof startProgress>): void;
  /** Left out where answers are not shown as they are made. */
  delta?(delta: ProbeDelta): void;
  close(): void;
}

const quietView: View = { event: () => undefined, close: () => undefined };

/** A platform that goes away ends it; whole answers come with the events. */
async function followDeltas(client: Client, runId: string, view: View, signal: AbortSignal): Promise<void> {
  try {
    const path = `/api/v1/training/jobs/${encodeURIComponent(runId)}/probes/stream`;
    for await (const { event, data } of client.events(path, { signal })) if (event !== 'end') view.delta?.(JSON.parse(data) as ProbeDelta);
  } catch {
    // The view goes on without it.
  }
}

export function openView(context: Pick<Context, 'stderr'>): View {
  return context.stderr.isTTY === true ? openBlockView(context) : openLineView(context);
}

function openBlockView({ stderr }: Pick<Context, 'stderr'>): View {
  const block = openLiveBlock(stderr);
  let latest = startProgress();
  const probes = startProbes();
  const draw = (): void => {
    const now = Date.now() / 1000;
    const until = latest.isOver ? latest.lastAt! : now;
    block.draw([...runBlock(latest, until - (latest.startedAt ?? until)), ...probeBlock(probes, now)]);
  };
  const timer = setInterval(draw, 500);
  return {
    event(event, progress) {
      latest = progress;
      advanceProbes(probes, event);
    },
    delta(delta) {
      advanceDelta(probes, delta, Date.now() / 1000);
      draw();
    },
    close() {
      clearInterval(timer);
      draw();
      block.end();
    },
  };
}

function openLineView({ stderr }: Pick<Context, 'stderr'>): View {
  let shownAt = 0;
  return {
    event({ event: name, message }, progress) {
      if (name.startsWith('probe-')) return;
      if (name !== 'run-step') {
        stderr.write(`  ${message}\n`);
        return;
      }
      const isLast = progress.step === progress.totalSteps;
      if (!isLast && Date.now() - shownAt < lineEveryMs) return;
      shownAt = Date.now();
      stderr.write(`${runLine(progress)}\n`);
    },
    close: () => undefined,
  };
}
