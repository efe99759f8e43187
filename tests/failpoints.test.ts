/** SIGKILL at the two worst moments of a creation: with its row not yet committed, and with its answer not yet sent. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failpoint } from '#platform/core/failpoint.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { startPlatform, type RunningPlatform } from './running-platform.ts';

describe('a platform that is killed in the middle of a creation', { timeout: 120_000 }, () => {
  let settings: Awaited<ReturnType<typeof newTestDatabase>>;
  let platform: RunningPlatform;
  let trainingFile: string;
  const start = async (failpoint: Failpoint | ''): Promise<void> => {
    platform = await startPlatform(settings.data, {
      TUNELOOP_DATABASE: settings.database,
      TUNELOOP_ENGINE: 'scripted',
      TUNELOOP_WARM_MODEL: 'none',
      // Runs are made and stay in the queue: nothing here trains.
      TUNELOOP_PYTHON: '/bin/false',
      TUNELOOP_LOG_LEVEL: 'silent',
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'chaos', 'disturb-process.ts')).href}`,
      TUNELOOP_TEST_FAILPOINT: failpoint,
    });
  };
  const send = (path: string, body: object, key: string): Promise<Response> =>
    fetch(platform.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${platform.key}`,
        'idempotency-key': key,
        ...(body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      },
      body: body instanceof FormData ? body : JSON.stringify(body),
    });
  const list = async (path: string): Promise<string[]> => {
    const answer = await fetch(platform.url + path, { headers: { authorization: `Bearer ${platform.key}` } });
    return ((await answer.json()) as { data: { id: string }[] }).data.map((one) => one.id);
  };
  const file = (text: string): FormData => {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([text]), 'rows.jsonl');
    return form;
  };

  beforeAll(async () => {
    settings = await newTestDatabase('postgres');
    await placeTestModel(settings.data);
    await start('');
    trainingFile = ((await (await send('/v1/files', file(trainingRows(4)), 'rows')).json()) as { id: string }).id;
    await platform.stop();
  });
  afterAll(async () => {
    await platform?.stop();
    rmSync(settings.data, { recursive: true, force: true });
  });

  it.each([
    ['job-before-commit', 0],
    ['job-after-commit', 1],
    ['file-before-commit', 0],
    ['file-after-commit', 1],
  ] as const)('%s: has made %i of it, and one once the request is sent again', async (failpoint, made) => {
    await start(failpoint);
    const isJob = failpoint.startsWith('job');
    const path = isJob ? '/v1/fine_tuning/jobs' : '/v1/files';
    const body = isJob ? { model: testModelId, training_file: trainingFile, extensions: { max_steps: 1 } } : file(trainingRows(3));
    const before = await list(path);
    const died = once(platform.process, 'exit');
    await expect(send(path, body, failpoint)).rejects.toThrow('fetch failed');
    expect(await died).toEqual([null, 'SIGKILL']);
    await start('');
    const mine = async (): Promise<string[]> => (await list(path)).filter((id) => !before.includes(id));
    const found = await mine();
    expect(found).toHaveLength(made);
    const { id } = (await (await send(path, body, failpoint)).json()) as { id: string };
    if (made) expect(found).toEqual([id]);
    expect(await mine()).toEqual([id]);
    await platform.stop();
  });
});
