/** From a job to a model version with the real worker: a model of two random layers, on PGlite. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type OpenDatabase } from '#platform/storage/database.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { listCheckpoints } from '#platform/training/checkpoints.ts';
import { getRun } from '#platform/training/runs.ts';
import { cancelRun, pauseRun, resumeRun } from '#platform/training/steer-run.ts';
import { openTestTraining, project, type TestTraining } from '#platform/training/test-training.ts';

const never = new AbortController().signal;
/** All of it is frozen, so that two runs of it are the same run. */
const settings = {
  n_epochs: 30,
  batch_size: 2,
  gradient_accumulation_steps: 1,
  learning_rate: 0.01,
  save_steps: 10,
  save_total_limit: 100,
  threads: 1,
};
const adapter = { target_modules: ['q_proj', 'v_proj'], layers_to_transform: null, lora_dropout: 0.1 };
const body = { seed: 5, suffix: 'tiny', extensions: { ...settings, adapter } };
const steps = 150;

describe('a tiny model and the real worker', () => {
  let database: OpenDatabase;
  let training: TestTraining;
  const data = mkdtempSync(join(tmpdir(), 'train-tiny-'));

  beforeAll(async () => {
    const settings = await newTestDatabase('pglite');
    database = await openDatabase(settings);
    training = await open();
    await training.launcher.warm(join(training.baseModels.dir, 'tiny', 'model'));
  });
  afterAll(async () => {
    await training?.stop();
    await database?.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });
  const open = (): Promise<TestTraining> =>
    openTestTraining({ current: database, settings: { database: '', data } }, { command: null, data });
  const adapterHash = async (runId: string): Promise<string> =>
    (
      await database.db
        .selectFrom('model_versions')
        .select('adapter_sha256')
        .where('run_id', '=', runId)
        .where('is_final', '=', true)
        .executeTakeFirstOrThrow()
    ).adapter_sha256;
  const pidOf = async (runId: string): Promise<number> => Number((await getRun(training, project, runId)).handle!['pid']);

  let undisturbed: string;

  it('trains it: the loss falls, every checkpoint and the adapter are versions, and the worker starts within seconds', async () => {
    const submitted = await training.submit(body);
    let startedMs = 0;
    const delays: number[] = [];
    for await (const event of training.feed.subscribe(submitted.id, 0, never)) {
      if (event.type === 'run-started') startedMs = event.at.getTime() - submitted.created_at.getTime();
      if (event.type === 'run-step') delays.push(Date.now() - event.at.getTime());
    }
    const run = await getRun(training, project, submitted.id);
    expect(run.failure).toBeNull();
    expect(run).toMatchObject({ state: 'succeeded', step: steps, total_steps: steps, attempt: 1 });
    const losses = (await training.events(run.id)).filter((event) => event.type === 'run-step').map((event) => Number(event.data['loss']));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.8);
    const { data: checkpoints } = await listCheckpoints(training, project, run.id, { limit: 100 });
    expect(checkpoints.map((checkpoint) => checkpoint.step)).toEqual(Array.from({ length: 15 }, (_, index) => steps - index * 10));
    expect(existsSync(join(data, 'runs', run.id, 'adapter', 'adapter.gguf'))).toBe(true);
    expect(training.told).toEqual([run.fine_tuned_model]);
    expect(startedMs).toBeLessThan(3000);
    delays.sort((left, right) => left - right);
    console.info(
      `submit → worker started ${startedMs} ms; worker's line → subscriber, median ${delays[delays.length >> 1]} ms, worst ${delays.at(-1)} ms`,
    );
    undisturbed = await adapterHash(run.id);
  }, 180_000);

  it('resumes after its process was killed in the middle of a step, and makes the very same adapter', async () => {
    const { id } = await training.submit(body);
    await training.untilStep(id, 34);
    process.kill(await pidOf(id), 'SIGKILL');
    const run = await training.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2, step: steps });
    expect(await adapterHash(id)).toBe(undisturbed);
  }, 120_000);

  it('goes on through a pause, and through a restart of the platform, to the very same adapter', async () => {
    const { id } = await training.submit(body);
    await training.untilStep(id, 25);
    await pauseRun(training, project, id);
    await training.untilState(id, 'paused');
    await resumeRun(training, project, id);
    await training.untilStep(id, 60);
    await training.stop();
    training = await open();
    const run = await training.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2, step: steps });
    expect(await training.steps(id)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
    expect(await adapterHash(id)).toBe(undisturbed);
  }, 120_000);

  it('keeps what was saved when it is cancelled', async () => {
    const { id } = await training.submit(body);
    await training.untilStep(id, 22);
    await cancelRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'cancelled', fine_tuned_model: null });
    expect((await listCheckpoints(training, project, id, { limit: 100 })).data.length).toBeGreaterThanOrEqual(2);
  }, 120_000);

  it('survives the end of the warm worker, which takes the job with it', async () => {
    const { id } = await training.submit(body);
    await training.untilStep(id, 15);
    const parent = Number(readFileSync(`/proc/${await pidOf(id)}/stat`, 'latin1').split(' ')[3]);
    process.kill(parent, 'SIGKILL');
    expect(await training.ended(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await adapterHash(id)).toBe(undisturbed);
  }, 180_000);

  it('fails with the layer that the model does not have, before anything is trained', async () => {
    const { id } = await training.submit({ extensions: { adapter: { target_modules: ['no_such_layer'] } } });
    const run = await training.ended(id);
    expect(run).toMatchObject({ state: 'failed', attempt: 1 });
    expect(run.failure!.message).toContain('no_such_layer');
    expect(run.failure!.next_step).not.toBe('');
  }, 120_000);
});
