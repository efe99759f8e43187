/** One probe's answers in the order of the run: what each lane said at any step, and the steps one can go back to. */
import type { RunProbeAnswer } from '#contract/probe.ts';

export interface Timeline {
  base: RunProbeAnswer | null;
  /** By step, ascending; of a step that was trained again the later answer. */
  checkpoint: RunProbeAnswer[];
  live: RunProbeAnswer[];
}

export interface Moment {
  step: number;
  base: RunProbeAnswer | null;
  /** Of the last checkpoint at or before the step. */
  checkpoint: RunProbeAnswer | null;
  live: RunProbeAnswer | null;
}

/** `answers` in the order of their seq, as they are listed. */
export function timelineOf(answers: readonly RunProbeAnswer[], probeId: string): Timeline {
  const timeline: Timeline = { base: null, checkpoint: [], live: [] };
  for (const answer of answers) {
    if (answer.probe_id !== probeId) continue;
    if (answer.lane === 'base') timeline.base = answer;
    else addAnswer(timeline[answer.lane], answer);
  }
  return timeline;
}

/** After a resume the run goes back: what it answered from there on is answered again. */
function addAnswer(lane: RunProbeAnswer[], answer: RunProbeAnswer): void {
  while (lane.length > 0 && lane.at(-1)!.step >= answer.step) lane.pop();
  lane.push(answer);
}

/** The steps at which the live weights answered. */
export function stepsOf(timeline: Timeline): number[] {
  return timeline.live.map(({ step }) => step);
}

/** What the lanes said at a step; null is now. */
export function momentAt(timeline: Timeline, step: number | null): Moment {
  const at = step ?? timeline.live.at(-1)?.step ?? 0;
  const newestBy = (lane: readonly RunProbeAnswer[]): RunProbeAnswer | null => lane.findLast((answer) => answer.step <= at) ?? null;
  // A checkpoint saved after the last round of answers is of now, too.
  const checkpoint = step === null ? (timeline.checkpoint.at(-1) ?? null) : newestBy(timeline.checkpoint);
  return { step: at, base: timeline.base, checkpoint, live: newestBy(timeline.live) };
}

/** Every answer once, in the order of their seq. Both lists are in it. */
export function joinAnswers(stored: readonly RunProbeAnswer[], live: readonly RunProbeAnswer[]): readonly RunProbeAnswer[] {
  const newest = stored.at(-1)?.seq ?? 0;
  const later = live.filter(({ seq }) => seq > newest);
  return later.length === 0 ? stored : [...stored, ...later];
}
