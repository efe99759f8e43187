import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { createPlan, deletePlan } from './measure-plan.ts';
import { getPlan, type PlanRow } from './plans.ts';
import { listScores } from './score-plan.ts';
import { testModelId } from './test-models.ts';
import { project, useTrainings, type TestTraining } from './test-training.ts';

describeDatabases('a plan', (database) => {
  const open = useTrainings(database);
  const plan = (training: TestTraining, body: object = {}): Promise<PlanRow> =>
    createPlan(training, project, { model: testModelId, training_file: training.trainingFile, ...body });
  const leftOver = (training: TestTraining): string[] =>
    existsSync(join(training.dataDir, 'plans')) ? readdirSync(join(training.dataDir, 'plans')) : [];

  async function measured(training: TestTraining, { id }: PlanRow): Promise<PlanRow> {
    await expect.poll(async () => (await getPlan(training, project, id)).state, { timeout: 50_000 }).not.toBe('measuring');
    await expect.poll(() => leftOver(training), { timeout: 20_000 }).toEqual([]);
    return getPlan(training, project, id);
  }

  it('tells time, memory and steps, with the settings that the run would have', async () => {
    const training = await open();
    const created = await plan(training, { seed: 7, extensions: { adapter: { r: 8 }, probes: { enabled: false } } });
    expect(created).toMatchObject({ state: 'measuring', rows: 10, base_model: testModelId, seed: 7, estimate: null });
    const run = await training.submit({ extensions: { adapter: { r: 8 }, probes: { enabled: false } } });
    expect(created.config).toEqual(run.config);
    const ready = await measured(training, created);
    expect(ready).toMatchObject({ state: 'ready', failure: null, total_steps: 5, measured_steps: 4 });
    const { time_seconds: time, peak_memory_bytes: memory, parts } = ready.estimate!;
    expect(time.p50).toBeGreaterThan(40);
    expect(time.p90).toBeGreaterThan(time.p50);
    expect(memory.p90).toBeGreaterThan(memory.p50);
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(time.p50);
  });

  it('is refused as the job would be', async () => {
    const training = await open();
    await expect(plan(training, { model: 'tyni' })).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
    await expect(plan(training, { training_file: 'file-no' })).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(plan(training, { extensions: { adapter: { layers_to_transform: [9] } } })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('fails with the cause and the next step of the worker, or with what became of its process', async () => {
    const training = await open({ script: { failAt: { step: 2, cause: 'oom', message: 'No memory.' } } });
    expect(await measured(training, await plan(training))).toMatchObject({
      state: 'failed',
      failure: { message: 'No memory.', next_step: 'Change something.' },
      estimate: null,
    });
    training.script({ dieAt: [2] });
    const killed = await measured(training, await plan(training));
    expect(killed.state).toBe('failed');
    expect(killed.failure!.message).toContain('killed by signal 9');
    expect(killed.failure!.next_step).not.toBe('');
  });

  it('can be deleted while it is measured, and leaves no process and no file', async () => {
    const training = await open({ script: { steps: 100_000, stepMs: 300 } });
    const going = await plan(training);
    const waiting = await plan(training);
    await expect.poll(async () => (await getPlan(training, project, going.id)).measured_steps, { timeout: 50_000 }).toBeGreaterThan(0);
    await deletePlan(training, project, waiting.id);
    await deletePlan(training, project, going.id);
    for (const { id } of [going, waiting]) {
      await expect(getPlan(training, project, id)).rejects.toMatchObject({ code: 'plan_not_found' });
    }
    expect(leftOver(training)).toEqual([]);
    training.script({});
    expect((await measured(training, await plan(training))).state).toBe('ready');
  });

  it('of a platform that has stopped says so, and is not measured for ever', async () => {
    const training = await open({ script: { steps: 100_000, stepMs: 300 } });
    const { id } = await plan(training);
    await expect.poll(async () => (await getPlan(training, project, id)).measured_steps, { timeout: 50_000 }).toBeGreaterThan(0);
    await training.plans.close();
    const closed = await getPlan(training, project, id);
    expect(closed).toMatchObject({ state: 'failed', failure: { next_step: 'Make the plan again.' } });
    await training.db.updateTable('plans').set({ state: 'measuring', failure: null }).where('id', '=', id).execute();
    expect((await getPlan(training, project, id)).failure?.message).toBe('The platform was stopped while it measured.');
  });

  it('keeps out of other projects', async () => {
    const training = await open();
    const { id } = await plan(training);
    await expect(getPlan(training, 'proj_other', id)).rejects.toMatchObject({ code: 'plan_not_found' });
    await expect(deletePlan(training, 'proj_other', id)).rejects.toMatchObject({ code: 'plan_not_found' });
    await training.plans.end(id);
  });

  it('counts the runs that train beside it', async () => {
    const training = await open({ script: { steps: 100_000, stepMs: 300 } });
    const run = await training.submit();
    await training.untilStep(run.id, 1);
    training.script({});
    const { id } = await plan(training);
    await expect.poll(async () => (await getPlan(training, project, id)).state, { timeout: 50_000 }).toBe('ready');
    expect(await getPlan(training, project, id)).toMatchObject({ measured_beside: 1 });
  });

  it('is scored by the run that was started from it, and corrects the plans after it', async () => {
    const training = await open({ script: { measured: { machine: `test ${Math.random()}`, step_seconds: 0.001, start_seconds: 0.001 } } });
    const first = await measured(training, await plan(training));
    const before = await listScores(training, project, 20);
    const run = await training.ended((await training.submit({ extensions: { plan: first.id } })).id);
    expect(run).toMatchObject({ state: 'succeeded', plan_id: first.id });
    await expect.poll(async () => (await listScores(training, project, 20)).count, { timeout: 20_000 }).toBe(before.count + 1);
    const { data, ...scores } = await listScores(training, project, 1);
    expect(data[0]).toMatchObject({ job_id: run.id, plan_id: first.id, planned: first.estimate!.time_seconds, actual_memory_bytes: 1 });
    const { actual_seconds: actual, planned, error, covered } = data[0]!;
    expect(error).toBeCloseTo(Math.abs(planned.p50 - actual) / actual);
    expect(covered).toBe(actual <= planned.p90);
    expect(scores).toMatchObject({ median_error: error, covered_by_p90: Number(covered), memory_covered_by_p90: 1 });
    const second = await measured(training, await plan(training));
    expect(second.estimate!.scored_runs).toBe(1);
    expect(second.estimate!.time_seconds.p50 < first.estimate!.time_seconds.p50).toBe(actual < planned.p50);
  });

  it('is not scored by a run that stops on the way', async () => {
    const training = await open();
    const { id } = await measured(training, await plan(training));
    training.script({ failAt: { step: 2, cause: 'nan', message: 'Diverged.' } });
    const before = await listScores(training, project, 20);
    expect((await training.ended((await training.submit({ extensions: { plan: id } })).id)).state).toBe('failed');
    training.script({ dieAt: [3] });
    expect((await training.ended((await training.submit({ extensions: { plan: id } })).id)).state).toBe('succeeded');
    expect((await listScores(training, project, 20)).count).toBe(before.count);
  });

  it('belongs to one run: another model, file or setting is refused', async () => {
    const training = await open();
    const { id } = await measured(training, await plan(training));
    const param = 'extensions.plan';
    await expect(training.submit({ extensions: { plan: 'plan_no' } })).rejects.toMatchObject({ code: 'plan_not_found', param });
    await expect(training.submit({ extensions: { plan: id, n_epochs: 2 } })).rejects.toMatchObject({ code: 'invalid_request', param });
    await expect(training.submit({ extensions: { plan: id, adapter: { r: 4 } } })).rejects.toMatchObject({
      code: 'invalid_request',
      param,
    });
    expect((await training.submit({ seed: 3, extensions: { plan: id } })).plan_id).toBe(id);
  });
});
