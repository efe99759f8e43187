/** A run as it goes on: what the server had summed up, and each later event once, in order, handed on frame by frame. */
import type { ProbeAnswer, RunProbeAnswer } from '#contract/probe.ts';
import type { TrainingSeries } from '#contract/series.ts';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import type { Connection } from '../api/follow-stream.ts';
import { appendEvent, copyCurves, mostPoints, type Curves } from './curves.ts';

/** Events that came while the page was open; above this the log is asked for anew and these make room. */
export const mostEvents = 20_000;

export class LiveRun {
  /** Changes whenever anything here has changed. */
  version = 0;
  connection: Connection = 'connecting';
  readonly curves: Curves;
  /** Ascending and without gaps: those after the summary the page began with. */
  readonly events: TrainingRunEvent[] = [];
  /** The answers to probes among them. */
  readonly answers: RunProbeAnswer[] = [];
  /** The server should be asked for the curves again: they have too many points, or merged ones were trained again. */
  isStale = false;
  lastSeq: number;
  #queue: TrainingRunEvent[] = [];

  constructor(series: TrainingSeries) {
    this.curves = copyCurves(series.series);
    this.lastSeq = series.last_seq;
  }

  /** Whether it is the next one. One that is known is left out; after a gap nothing is taken, and the stream has to be opened again. */
  receive(event: TrainingRunEvent): 'taken' | 'known' | 'gap' {
    const newest = this.#queue.at(-1)?.seq ?? this.lastSeq;
    if (event.seq <= newest) return 'known';
    if (event.seq > newest + 1) return 'gap';
    this.#queue.push(event);
    return 'taken';
  }

  /** The events as they are at a version: they grow in place, and whoever remembers what was made of them asks by it. */
  eventsAt(_version: number): readonly TrainingRunEvent[] {
    return this.events;
  }

  /** The answers to probes as they are at a version. */
  answersAt(_version: number): readonly RunProbeAnswer[] {
    return this.answers;
  }

  /** Where the stream goes on. */
  get newestSeq(): number {
    return this.#queue.at(-1)?.seq ?? this.lastSeq;
  }

  /** Brings what was received into view; the events it brought. */
  flush(): TrainingRunEvent[] {
    const events = this.#queue;
    if (events.length === 0) return events;
    this.#queue = [];
    for (const event of events) {
      const { isRewound } = appendEvent(this.curves, event);
      if (isRewound) this.isStale = true;
      this.events.push(event);
      if (event.event === 'probe-answered') this.answers.push({ ...(event.data as unknown as ProbeAnswer), seq: event.seq });
    }
    if (this.curves.loss.step.length > mostPoints) this.isStale = true;
    this.lastSeq = events.at(-1)!.seq;
    this.version++;
    return events;
  }

  /** Takes the server's newer summary; what came after it is added again. */
  refresh(series: TrainingSeries): void {
    Object.assign(this.curves, copyCurves(series.series));
    for (const event of this.events) if (event.seq > series.last_seq) appendEvent(this.curves, event);
    this.isStale = false;
    this.version++;
  }

  /** Lets go of the events that the log has from the server by now. */
  forget(upToSeq: number): void {
    const kept = this.events.findIndex(({ seq }) => seq > upToSeq);
    this.events.splice(0, kept === -1 ? this.events.length : kept);
    this.version++;
  }
}
