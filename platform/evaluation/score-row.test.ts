import { expect, it } from 'vitest';
import type { ScoreTask } from '#contract/parity.ts';
import { RowScorer } from './score-row.ts';

const model = { modelDir: '/models/tiny', adapterDir: null };

function scorer() {
  const asked: ScoreTask[] = [];
  const rows = new RowScorer(async (task) => {
    asked.push(task);
    if (asked.length === 1) throw new Error('the worker is gone');
    return { prompts: [], rows: task.rows.map((ids) => ({ logprobs: ids.slice(1).map((id) => -id), best: ids.slice(1) })), seconds: 0 };
  });
  return { rows, asked };
}

it('asks the worker once for the same row of the same weights, and again after a failure', async () => {
  const { rows, asked } = scorer();
  await expect(rows.score(model, [1, 2, 3])).rejects.toThrow('the worker is gone');
  expect(await rows.score(model, [1, 2, 3])).toEqual({ logprobs: [-2, -3], best: [2, 3] });
  await rows.score(model, [1, 2, 3]);
  expect(asked).toHaveLength(2);
  await rows.score({ ...model, adapterDir: '/runs/1/adapter' }, [1, 2, 3]);
  expect(asked.map(({ adapter_dir: folder }) => folder)).toEqual([null, null, '/runs/1/adapter']);
});

it('needs no worker for a row of one token: nothing stands before it', async () => {
  const { rows, asked } = scorer();
  expect(await rows.score(model, [1])).toEqual({ logprobs: [], best: [] });
  expect(asked).toEqual([]);
});
