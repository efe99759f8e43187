/** From an engine that calls back to an iterator that a caller reads. */
import type { GenerateEvent } from './engine.ts';

/**
 * `ask` is told where events and a failure go, and returns what makes the engine forget the request. Ends with `text-end`; throws what
 * failed or the signal's reason. The request is forgotten when it ends, fails, is aborted, or nobody reads any more.
 */
export async function* hearEvents(
  ask: (event: (event: GenerateEvent) => void, failure: (error: unknown) => void) => () => void,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  signal.throwIfAborted();
  const heard: GenerateEvent[] = [];
  let failure: { error: unknown } | null = null;
  let wake: () => void = () => {};
  const fail = (error: unknown): void => {
    failure = { error };
    wake();
  };
  const onAbort = (): void => fail(signal.reason);
  const hear = (event: GenerateEvent): void => {
    heard.push(event);
    wake();
  };
  const forget = ask(hear, fail);
  signal.addEventListener('abort', onAbort);
  try {
    for (let isOver = false; !isOver;) {
      if (failure !== null) throw (failure as { error: unknown }).error;
      const event = heard.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      isOver = event.type === 'text-end';
      yield event;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    forget();
  }
}
