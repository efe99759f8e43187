/** Long work of the processor in turns: requests that wait are served in between. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';

const turnMs = 20;

/** Resolves at once while the turn lasts; call it for each piece of work. */
export function takeTurns(): () => Promise<void> | undefined {
  let endsMs = performance.now() + turnMs;
  return () => {
    if (performance.now() < endsMs) return undefined;
    return yieldToOthers().then(() => {
      endsMs = performance.now() + turnMs;
    });
  };
}
