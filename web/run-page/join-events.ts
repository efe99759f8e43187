/** The stored pages and the live events as one list, newest first, each event once. */
import type { TrainingRunEvent, TrainingRunEventList } from '#contract/training-run.ts';

/** What the server leaves out of the notable ones. */
const isMinor = (event: string): boolean => event === 'run-step' || event === 'probe-answered';

/** `pages` newest first, as they are asked for; `live` ascends. */
export function joinEvents(
  pages: readonly Pick<TrainingRunEventList, 'data'>[],
  live: readonly TrainingRunEvent[],
  kind: 'all' | 'notable',
): TrainingRunEvent[] {
  const newestStored = pages[0]?.data[0]?.seq ?? 0;
  const later = live.filter(({ seq, event }) => seq > newestStored && (kind === 'all' || !isMinor(event)));
  return [...later.reverse(), ...pages.flatMap(({ data }) => data)];
}
