/** What a run answers while it trains, as a few lines of a terminal: one probe at a time, base and live beneath each other. */
import type { Probe, ProbeAnswer, ProbeDelta } from '#contract/probe.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { plainText } from './plain-text.ts';

/** How long one probe is shown before the next. */
const turnSeconds = 6;

interface Shown {
  question: string;
  base: string | null;
  live: { text: string; step: number; loss: number | null; isDone: boolean } | null;
}

export interface ProbeProgress {
  probes: Map<string, Shown>;
  /** The probe that speaks, or spoke last, and until when it keeps the place; Unix seconds. */
  current: { id: string; until: number } | null;
  share: number | null;
}

export function startProbes(): ProbeProgress {
  return { probes: new Map(), current: null, share: null };
}

/** Takes in a stored event; others than those of probes change nothing. */
export function advanceProbes(progress: ProbeProgress, { event, data }: TrainingRunEvent): void {
  if (event === 'probe-added') {
    const { id, messages } = data['probe'] as Probe;
    progress.probes.set(id, { question: oneLine(messages.at(-1)!.content), base: null, live: null });
  } else if (event === 'probe-removed') progress.probes.delete(String(data['probe_id']));
  else if (event === 'probe-round') progress.share = Number(data['share']);
  else if (event === 'probe-answered') takeAnswer(progress, data as unknown as ProbeAnswer);
}

function takeAnswer(progress: ProbeProgress, { probe_id, lane, text, step, reference_loss }: ProbeAnswer): void {
  const shown = progress.probes.get(probe_id);
  if (!shown) return;
  if (lane === 'base') shown.base = oneLine(text);
  if (lane === 'live') shown.live = { text: oneLine(text), step, loss: reference_loss, isDone: true };
}

/** Takes in a piece of an answer that is being made; `now` is in Unix seconds. */
export function advanceDelta(progress: ProbeProgress, delta: ProbeDelta, now: number): void {
  const shown = progress.probes.get(delta.probe_id);
  if (!shown || delta.lane !== 'live' || delta.state === 'waiting') return;
  const before = shown.live?.step === delta.step && !shown.live.isDone ? shown.live.text : '';
  shown.live = { text: `${before}${plainText(delta.text).replaceAll(/\s+/g, ' ')}`, step: delta.step, loss: null, isDone: delta.done };
  const isAsked = delta.waited_seconds !== null;
  if (isAsked || progress.current === null || progress.current.until < now) {
    progress.current = { id: delta.probe_id, until: now + turnSeconds * (isAsked ? 2 : 1) };
  }
}

/** No line before the first answer; four after it. */
export function probeBlock(progress: ProbeProgress, now: number): string[] {
  const answered = [...progress.probes].filter(([, { base, live }]) => base !== null || live !== null);
  if (answered.length === 0) return [];
  const isHeld = progress.current !== null && progress.current.until >= now && progress.probes.has(progress.current.id);
  const turn = answered[Math.floor(now / turnSeconds) % answered.length]!;
  const { question, base, live } = isHeld ? progress.probes.get(progress.current!.id)! : turn[1];
  const loss = live?.loss === undefined || live.loss === null ? '' : `  (loss of the reference ${live.loss.toFixed(2)})`;
  return [
    '',
    `  ask   ${question}`,
    `  base  ${base ?? '…'}`,
    `  ${live ? `live  ${live.text}${live.isDone ? '' : '▌'}   step ${live.step}${loss}` : 'live  …'}`,
    ...(progress.share === null
      ? []
      : [`  probes take ${(progress.share * 100).toFixed(1)} % of the time; ask: tuneloop run probe ask "…"`]),
  ];
}

function oneLine(text: string): string {
  return plainText(text).replaceAll(/\s+/g, ' ').trim();
}
