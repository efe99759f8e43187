import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TrainingJob } from '#contract/training.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { budgetOf } from './budget.ts';
import { attemptFolder } from './run-paths.ts';
import { pauseRun, resumeRun } from './steer-run.ts';
import { project, useTrainings } from './test-training.ts';

it('is the tighter of time and money', () => {
  expect(budgetOf({ max_seconds: null, max_cost: null }, 2)).toBeNull();
  expect(budgetOf({ max_seconds: 600, max_cost: null }, undefined)).toEqual({ seconds: 600, cause: 'time', told: '10 minutes' });
  expect(budgetOf({ max_seconds: 600, max_cost: 0.1 }, 2)).toEqual({ seconds: 180, cause: 'cost', told: '$0.1 (at $2 an hour)' });
  expect(budgetOf({ max_seconds: 100, max_cost: 0.1 }, 2)).toMatchObject({ cause: 'time', told: '100 seconds' });
});

describeDatabases('the budget of a run', (database) => {
  const open = useTrainings(database);

  it('is handed to each attempt, less what the attempts before it took', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 50 }, parts: { costPerHour: 3.6 } });
    const { id } = await training.submit({ extensions: { max_cost: 0.5 } });
    const budgetOfAttempt = (attempt: number) =>
      (JSON.parse(readFileSync(join(attemptFolder(training.dataDir, id, attempt), 'job.json'), 'utf8')) as TrainingJob).budget;
    await training.untilStep(id, 10);
    expect(budgetOfAttempt(1)).toEqual({ seconds: 500, cause: 'cost', told: '$0.5 (at $3.6 an hour)' });
    await pauseRun(training, project, id);
    await training.untilState(id, 'paused');
    await resumeRun(training, project, id);
    // However many steps the first attempt came to before it paused.
    await expect.poll(() => existsSync(join(attemptFolder(training.dataDir, id, 2), 'handle.json')), { timeout: 30_000 }).toBe(true);
    const left = budgetOfAttempt(2)!.seconds;
    expect(left).toBeLessThan(499.95);
    expect(left).toBeGreaterThan(400);
  });
});
