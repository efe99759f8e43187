/** What a run has been doing, and for how long: read from its events. */
import type { TrainingRunEvent } from '#contract/training-run.ts';

export interface Phase {
  name: string;
  /** Unix seconds. */
  startedAt: number;
  /** null while it lasts. */
  endedAt: number | null;
}

const ends: Record<string, string | null> = {
  'run-queued': 'queued',
  'run-resumed': 'queued',
  'run-starting': 'starting',
  'run-retried': 'starting',
  'run-started': 'starting',
  'run-paused': 'paused',
  'run-ended': null,
  'run-failed': null,
  'run-cancelled': null,
};

/** In the order they came; a phase that follows itself goes on. `events` ascend by seq. */
export function phasesOf(createdAt: number, events: readonly TrainingRunEvent[]): Phase[] {
  const phases: Phase[] = [{ name: 'queued', startedAt: createdAt, endedAt: null }];
  for (const { event, data, created_at } of events) {
    const next = event === 'run-phase' ? String(data['phase']) : ends[event];
    const current = phases.at(-1)!;
    if (next === undefined || (next === current.name && current.endedAt === null)) continue;
    current.endedAt ??= created_at;
    if (next !== null) phases.push({ name: next, startedAt: created_at, endedAt: null });
  }
  return phases;
}

/** Seconds of each phase in all, in the order of its first coming; evaluations and checkpoints come again and again. */
export function totalsOf(phases: readonly Phase[], now: number): { name: string; seconds: number; isNow: boolean }[] {
  const totals = new Map<string, { name: string; seconds: number; isNow: boolean }>();
  for (const { name, startedAt, endedAt } of phases) {
    const total = totals.get(name) ?? { name, seconds: 0, isNow: false };
    total.seconds += Math.max(0, (endedAt ?? now) - startedAt);
    total.isNow ||= endedAt === null;
    totals.set(name, total);
  }
  return [...totals.values()];
}
