import { expect, it } from 'vitest';
import type { TrainingRun } from '#contract/training-run.ts';
import { filterRuns } from './filter-runs.ts';

const run = (id: string, fields: Partial<TrainingRun> = {}) =>
  ({ id, model: 'smollm2', status: 'succeeded', metadata: null, fine_tuned_model: null, ...fields }) as TrainingRun;
const runs = [
  run('ftjob-1', { metadata: { team: 'support', name: 'Nightly' } }),
  run('ftjob-2', { status: 'failed', fine_tuned_model: null }),
  run('ftjob-3', { fine_tuned_model: 'ft:smollm2:default:brindle:ab12' }),
];
const ids = (text: string, status: string = ''): string[] => filterRuns(runs, text, status).map(({ id }) => id);

it('finds runs by the words of their names, labels, models and states', () => {
  expect(ids('')).toEqual(['ftjob-1', 'ftjob-2', 'ftjob-3']);
  expect(ids('team:support')).toEqual(['ftjob-1']);
  expect(ids('NIGHT smol')).toEqual(['ftjob-1']);
  expect(ids('brindle')).toEqual(['ftjob-3']);
  expect(ids('', 'failed')).toEqual(['ftjob-2']);
  expect(ids('nightly', 'failed')).toEqual([]);
});
