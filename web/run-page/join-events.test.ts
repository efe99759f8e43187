import { expect, it } from 'vitest';
import type { TrainingRunEvent } from '#contract/training-run.ts';
import { joinEvents } from './join-events.ts';

const event = (seq: number, name: string = 'log') => ({ seq, event: name }) as TrainingRunEvent;
const seqs = (events: TrainingRunEvent[]): number[] => events.map(({ seq }) => seq);

it('lists stored and live events newest first, and those that are in both once', () => {
  const pages = [{ data: [event(7), event(6)] }, { data: [event(4), event(2)] }];
  const live = [event(6), event(7), event(8, 'run-step'), event(9)];
  expect(seqs(joinEvents(pages, live, 'all'))).toEqual([9, 8, 7, 6, 4, 2]);
  expect(seqs(joinEvents(pages, live, 'notable'))).toEqual([9, 7, 6, 4, 2]);
  expect(seqs(joinEvents([], live, 'all'))).toEqual([9, 8, 7, 6]);
});
