/** A plan on the terminal, with the real worker and a model of two random layers: made, shown, followed by its run, scored. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { runOnTestTerminal } from '#platform/cli/test-terminal.ts';
import { placeTestModel } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { newDataDir, removeDataDir, type RunningPlatform, startPlatform } from './running-platform.ts';

describe('tuneloop plan', () => {
  const data = newDataDir();
  let platform: RunningPlatform;
  let rows: string;
  const tuneloop = (...words: string[]) => runOnTestTerminal(words, { TUNELOOP_URL: platform.url, TUNELOOP_KEY: platform.key });

  beforeAll(async () => {
    await placeTestModel(data);
    rows = join(data, 'rows.jsonl');
    writeFileSync(rows, trainingRows(20));
    platform = await startPlatform(data, { TUNELOOP_WARM_MODEL: 'none', TUNELOOP_COST_PER_HOUR: '3.6', TUNELOOP_PARITY: 'false' });
  });
  afterAll(async () => {
    await platform?.stop();
    removeDataDir(data);
  });

  it('tells time, memory and cost, and trains nothing', async () => {
    const { exitCode, stdout } = await tuneloop('plan', rows, '-m', 'tiny', '--n-epochs', '2');
    expect(exitCode).toBe(0);
    for (const part of ['time ', 'memory ', 'cost ', 'measured ', 'GiB', 'no run was started from a plan yet'])
      expect(stdout).toContain(part);
    const runs = await tuneloop('run', 'ls', '--json');
    expect(JSON.parse(runs.stdout)).toEqual([]);
  });

  it('answers programs with the whole plan', async () => {
    const { stdout } = await tuneloop('plan', rows, '-m', 'tiny', '--n-epochs', '2', '--batch-size', '4', '--json');
    const plan = TrainingPlan.strict().parse(JSON.parse(stdout));
    expect(plan).toMatchObject({ state: 'ready', model: 'tiny', rows: 20, total_steps: 10, failure: null });
    expect(plan.cost!.p50).toBeCloseTo(plan.time_seconds!.p50 / 1000);
    expect(plan.time_seconds!.p90).toBeGreaterThan(plan.time_seconds!.p50);
    expect(plan.memory_limit_bytes).toBeGreaterThan(plan.peak_memory_bytes!.p90);
  });

  it('comes before the run with train --plan, and is scored after it', async () => {
    const { exitCode, stderr } = await tuneloop('train', rows, '-m', 'tiny', '--n-epochs', '2', '--plan', '-y', '--wait');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('in nine runs of ten below');
    const answer = await fetch(`${platform.url}/api/v1/training/plans/scores`, { headers: { authorization: `Bearer ${platform.key}` } });
    const scores = TrainingPlanScores.strict().parse(await answer.json());
    expect(scores.count).toBe(1);
    expect(scores.data[0]!.actual_seconds).toBeGreaterThan(0);
    expect(scores.data[0]!.memory_error).toBeLessThan(0.5);
  });

  it('names the rows that cannot be trained on, as train does', async () => {
    const bad = join(data, 'bad.jsonl');
    writeFileSync(bad, '{"messages": []}\n');
    const { exitCode, stderr } = await tuneloop('plan', bad, '-m', 'tiny');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('invalid_training_file');
  });
});
