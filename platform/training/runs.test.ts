import { expect, it } from 'vitest';
import { openFile } from '#platform/data/files.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { listCheckpoints } from './checkpoints.ts';
import type { RunRow } from './rows.ts';
import { getRun, listRuns, queuePosition } from './runs.ts';
import { cancelRun } from './steer-run.ts';
import { project, useTrainings } from './test-training.ts';

describeDatabases('a run that nothing disturbs', (database) => {
  const open = useTrainings(database);

  it('goes from its row to a model version that is told of, with checkpoints, figures and gapless events', async () => {
    const training = await open({ script: { steps: 6, checkpointEvery: 2 } });
    const submitted = await training.submit({ suffix: 'lumen', metadata: { team: 'a' } });
    expect(submitted).toMatchObject({ state: 'queued', attempt: 0, suffix: 'lumen' });
    const run = await training.ended(submitted.id);
    const model = `ft:tiny:default:lumen:${run.id.slice(-8)}`;
    expect(run).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      step: 6,
      total_steps: 6,
      fine_tuned_model: model,
      trained_tokens: 1000,
      failure: null,
      lease_owner: null,
    });
    expect(run.started_at!.getTime()).toBeGreaterThanOrEqual(run.created_at.getTime());
    expect(run.finished_at!.getTime()).toBeGreaterThanOrEqual(run.started_at!.getTime());
    const events = await training.events(run.id);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map((event) => event.type)).toEqual([
      'run-created',
      'run-starting',
      'run-started',
      'data-checked',
      'probe-added',
      'run-step',
      'run-step',
      'checkpoint-saved',
      'run-step',
      'run-step',
      'checkpoint-saved',
      'run-step',
      'run-step',
      'checkpoint-saved',
      'run-ended',
    ]);
    expect(events[5]!.message).toBe('Step 1/6: training loss 1.00');
    const checkpoints = await listCheckpoints(training, project, run.id, { limit: 2 });
    expect(checkpoints).toMatchObject({
      hasMore: true,
      data: [
        { step: 6, model_id: `${model}:ckpt-step-6` },
        { step: 4, metrics: { full_valid_loss: 0.25 } },
      ],
    });
    expect((await listCheckpoints(training, project, run.id, { limit: 2, after: checkpoints.data[1]!.id })).data).toMatchObject([
      { step: 2 },
    ]);
    expect(training.told).toEqual([model]);
    const csv = (await (await openFile(training.files, project, run.result_file!)).toArray()).join('');
    expect(csv.split('\n').slice(0, 3)).toEqual([
      'step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy',
      '1,1,0.5,,',
      '2,0.5,0.5,,',
    ]);
    const versions = await training.db.selectFrom('model_versions').selectAll().where('run_id', '=', run.id).orderBy('id').execute();
    expect(versions.map((version) => [version.id, version.is_final, version.step])).toEqual([
      [model, true, 6],
      [`${model}:ckpt-step-2`, false, 2],
      [`${model}:ckpt-step-4`, false, 4],
      [`${model}:ckpt-step-6`, false, 6],
    ]);
    expect(versions[0]!.path).toBe(`runs/${run.id}/adapter`);
  });

  it('waits for its turn in order, and is told its place whenever that changes', async () => {
    const training = await open({ script: { steps: 10, stepMs: 30 } });
    const runs: RunRow[] = [];
    for (let index = 0; index < 4; index++) runs.push(await training.submit());
    await expect.poll(() => queuePosition(training, runs[3]!)).toBe(3);
    const done = await Promise.all(runs.map((run) => training.ended(run.id)));
    const starts = done.map((run) => run.started_at!.getTime());
    expect(starts).toEqual(starts.toSorted((left, right) => left - right));
    const places = (await training.events(runs[3]!.id))
      .filter((event) => event.type === 'run-queued')
      .map((event) => event.data['position']);
    expect(places).toEqual([3, 2, 1]);
    for (let index = 1; index < 4; index++)
      expect(done[index]!.started_at!.getTime()).toBeGreaterThanOrEqual(done[index - 1]!.finished_at!.getTime());
  });

  it('runs beside others when there are slots', async () => {
    const training = await open({ script: { steps: 1000, stepMs: 10 }, parts: { maxRuns: 2 } });
    const runs = [await training.submit(), await training.submit(), await training.submit()];
    await Promise.all(runs.slice(0, 2).map((run) => training.untilStep(run.id, 1)));
    expect((await getRun(training, project, runs[2]!.id)).state).toBe('queued');
    await Promise.all(runs.map((run) => cancelRun(training, project, run.id)));
    expect((await Promise.all(runs.map((run) => training.ended(run.id)))).map((run) => run.state)).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  });

  it('lists the runs of a project page by page, and by their labels', async () => {
    const training = await open({ script: { steps: 1 } });
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.push((await training.submit({ metadata: { page: 'a', odd: String(index % 2) } })).id);
    const seen: string[] = [];
    for (let hasMore = true; hasMore;) {
      const page = await listRuns(training, project, { limit: 2, metadata: { page: 'a' }, after: seen.at(-1) });
      seen.push(...page.data.map((run) => run.id));
      hasMore = page.hasMore;
    }
    expect(seen).toEqual(ids.toReversed());
    expect(
      (await listRuns(training, project, { limit: 9, metadata: { page: 'a', odd: '1' }, order: 'asc' })).data.map((run) => run.id),
    ).toEqual([ids[1], ids[3]]);
    expect((await listRuns(training, 'proj_other', { limit: 9 })).data).toEqual([]);
    await Promise.all(ids.map((id) => training.ended(id)));
  });
});
