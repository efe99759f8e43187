/** SIGKILL to the platform, again and again: a running job never notices, and what was acknowledged is there. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '#platform/storage/database.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from './running-platform.ts';

describe('a platform that is killed', () => {
  const dataDir = newDataDir();
  let platform: RunningPlatform;
  let trainingFile: string;
  const start = async (): Promise<void> => {
    platform = await startPlatform(dataDir, { TUNELOOP_ENGINE: 'scripted', TUNELOOP_WARM_MODEL: testModelId });
  };

  async function call<Answer>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const isForm = body instanceof FormData;
    const answer = await fetch(platform.url + path, {
      method,
      headers: {
        authorization: `Bearer ${platform.key}`,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  beforeAll(async () => {
    await placeTestModel(dataDir);
    await start();
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([trainingRows(40)]), 'rows.jsonl');
    trainingFile = (await call<{ id: string }>('POST', '/v1/files', form)).id;
  });
  afterAll(async () => {
    await platform?.stop();
    removeDataDir(dataDir);
  });

  it('finds its job running after each restart, and no event is lost, doubled or out of order', async () => {
    const extensions = { n_epochs: 50, batch_size: 2, learning_rate: 1e-3, save_steps: 50, threads: 1 };
    const { id } = await call<{ id: string }>('POST', '/v1/fine_tuning/jobs', {
      model: testModelId,
      training_file: trainingFile,
      extensions,
    });
    const job = () => call<{ status: string; step: number }>('GET', `/api/v1/training/jobs/${id}`);
    let step = 0;
    for (let kills = 0; kills < 3; kills++) {
      await until(async () => (await job()).step > step);
      await wait(Math.random() * 300);
      ({ step } = await job());
      await platform.kill();
      await start();
    }
    await until(async () => !['queued', 'running'].includes((await job()).status));
    expect(await job()).toMatchObject({ status: 'succeeded', step: 1000 });
    await platform.stop();
    const { db, close } = await openDatabase({ database: '', data: dataDir });
    const run = await db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const events = await db.selectFrom('run_events').selectAll().where('run_id', '=', id).orderBy('seq').execute();
    await close();
    await start();
    expect(run.attempt).toBe(1);
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: run.last_seq }, (_, index) => index + 1));
    const steps = events.filter((event) => event.type === 'run-step').map((event) => event.data['step']);
    expect(steps).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  }, 180_000);

  it('makes one job of a request that is sent again after the kill, whether it was acknowledged or not', async () => {
    for (const delayMs of [0, 15, 60]) {
      const label = `kill-${delayMs}`;
      const body = { model: testModelId, training_file: trainingFile, metadata: { label }, extensions: { max_steps: 1 } };
      const submit = () => call<{ id: string }>('POST', '/v1/fine_tuning/jobs', body, { 'idempotency-key': label });
      const first = submit().catch(() => null);
      await wait(delayMs);
      await platform.kill();
      const acknowledged = await first;
      await start();
      const again = await submit();
      if (acknowledged) expect(again.id).toBe(acknowledged.id);
      const { data } = await call<{ data: { id: string }[] }>('GET', `/v1/fine_tuning/jobs?metadata[label]=${label}`);
      expect(data.map((job) => job.id)).toEqual([again.id]);
    }
  }, 120_000);
});
