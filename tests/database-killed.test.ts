/** A real PostgreSQL that is killed under load: the platform says so, finds it again by itself, and keeps what it acknowledged. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileList, FileObject } from '#contract/openai/files.ts';
import { preparePostgres, type PostgresServer } from './database-servers.ts';
import { newDataDir, removeDataDir, startPlatform, type RunningPlatform } from './running-platform.ts';

describe('a platform whose PostgreSQL goes away under load', { timeout: 120_000 }, () => {
  const dataDir = newDataDir();
  let postgres: PostgresServer;
  let platform: RunningPlatform;
  beforeAll(async () => {
    postgres = await preparePostgres();
    await postgres.start();
    const settings = { TUNELOOP_ENGINE: 'scripted', TUNELOOP_WARM_MODEL: 'none', TUNELOOP_LOG_LEVEL: 'silent' };
    platform = await startPlatform(dataDir, { ...settings, TUNELOOP_DATABASE: postgres.address });
  });
  afterAll(async () => {
    await platform?.stop();
    await postgres?.remove();
    removeDataDir(dataDir);
  });

  const call = (path: string, body?: FormData): Promise<Response> =>
    fetch(platform.url + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${platform.key}` },
      ...(body && { body }),
    });
  const upload = (name: string): Promise<Response> => {
    const form = new FormData();
    form.set('purpose', 'user_data');
    form.set('file', new Blob([name]), name);
    return call('/v1/files', form);
  };

  it.each([
    ['kill -9', 'SIGKILL'],
    ['an immediate restart', 'SIGQUIT'],
  ] as const)('answers 503 with Retry-After, is back within ten seconds of it, and has all it acknowledged: %s', async (how, signal) => {
    const acknowledged = new Set<string>();
    const statuses = new Map<number, number>();
    let [isOver, slowestMs] = [false, 0];
    const load = async (client: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const startedMs = performance.now();
        const answer = count % 2 ? await call('/v1/files?limit=1') : await upload(`${how} ${client} ${count}`);
        slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 503) {
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
          expect(await answer.json()).toMatchObject({ error: { code: 'database_unavailable' } });
          await wait(50);
        } else if (count % 2 === 0) acknowledged.add(((await answer.json()) as FileObject).id);
        else await answer.text();
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, client) => load(client)));
    await wait(500);
    await postgres.stop(signal);
    await wait(1000);
    expect((await call('/health')).status).toBe(503);
    await postgres.start();
    const backMs = performance.now();
    while ((await upload('back')).status !== 200) await wait(50);
    expect(performance.now() - backMs).toBeLessThan(10_000);
    await wait(500);
    isOver = true;
    await clients;
    expect(new Set(statuses.keys())).toEqual(new Set([200, 503]));
    // None was stuck on a dead connection.
    expect(slowestMs).toBeLessThan(10_000);
    const { data } = (await (await call('/v1/files?limit=10000')).json()) as FileList;
    const stored = new Set(data.map((file) => file.id));
    expect(acknowledged.size).toBeGreaterThan(10);
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  });
});
