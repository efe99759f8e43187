/** Runs the generations of one request side by side and tells their events as they come, each with the index of its choice. */
import type { Engine, GenerateEvent, GenerateRequest } from '#platform/inference/engine.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import { GenerationAborted } from './aborted.ts';

export interface ChoiceEvent {
  index: number;
  event: GenerateEvent;
}

/** One request may ask for hundreds of answers; it must not fill the engine's queue alone. */
const mostAtOnce = 8;

/** Counts what is generated, and how it ended: also when the caller stops listening. */
export async function* generateChoices(
  engine: Engine,
  requests: GenerateRequest[],
  meter: RequestMeter,
  signal: AbortSignal,
): AsyncGenerator<ChoiceEvent, void> {
  let outcome: 'ok' | 'error' | 'aborted' = 'aborted';
  try {
    const events = requests.length === 1 ? generateOne(engine, requests[0]!, signal) : generateMany(engine, requests, signal);
    for await (const choiceEvent of events) {
      if (choiceEvent.event.type === 'text-delta') meter.generated(choiceEvent.event.tokenCount);
      yield choiceEvent;
    }
    outcome = 'ok';
  } catch (error) {
    outcome = signal.aborted ? 'aborted' : 'error';
    throw error;
  } finally {
    meter.ended(outcome, signal.reason instanceof GenerationAborted ? signal.reason.reason : undefined);
  }
}

async function* generateOne(engine: Engine, request: GenerateRequest, signal: AbortSignal): AsyncGenerator<ChoiceEvent> {
  for await (const event of engine.generate(request, signal)) yield { index: 0, event };
}

/** The first failure stops all of them and is thrown once. */
async function* generateMany(engine: Engine, requests: GenerateRequest[], signal: AbortSignal): AsyncGenerator<ChoiceEvent> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const waiting: ChoiceEvent[] = [];
  let wake: () => void = () => {};
  let nextIndex = 0;
  let running = Math.min(mostAtOnce, requests.length);
  let failure: { error: unknown } | null = null;

  const work = async (): Promise<void> => {
    try {
      while (nextIndex < requests.length && !either.aborted) {
        const index = nextIndex++;
        for await (const event of engine.generate(requests[index]!, either)) {
          waiting.push({ index, event });
          wake();
        }
      }
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    } finally {
      running--;
      wake();
    }
  };
  const workers = Array.from({ length: running }, work);

  try {
    while (running > 0 || waiting.length > 0) {
      const next = waiting.shift();
      if (next) yield next;
      else if (failure) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (failure) throw (failure as { error: unknown }).error;
    signal.throwIfAborted();
  } finally {
    stop.abort(new GenerationAborted('cancelled'));
    await Promise.all(workers);
  }
}
