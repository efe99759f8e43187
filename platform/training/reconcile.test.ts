import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { terminalStates } from '#contract/training.ts';
import { openDatabase, type DatabaseSettings, type OpenDatabase } from '#platform/storage/database.ts';
import { describeDatabases, newTestDatabase } from '#platform/storage/test-databases.ts';
import { getRun } from './runs.ts';
import { project, useTrainings } from './test-training.ts';

describeDatabases('a platform that goes away', (database) => {
  const open = useTrainings(database);

  it('comes back to a running job without a gap, a duplicate or a second start', async () => {
    const first = await open({ script: { steps: 80, stepMs: 15 } });
    const { id } = await first.submit();
    await first.untilStep(id, 10);
    await first.stop();
    const before = await getRun(first, project, id);
    expect(before).toMatchObject({ state: 'running', attempt: 1 });
    await wait(200);
    const second = await open({ data: first.dataDir });
    const run = await second.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 1 });
    const events = await second.events(id);
    expect(events.filter((event) => event.type === 'run-step').map((event) => event.data['step'])).toEqual(
      Array.from({ length: 80 }, (_, index) => index + 1),
    );
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  });

  it('does not wait for a cold worker when it closes, and starts the job once', async () => {
    const first = await open({ script: { steps: 20, coldMs: 1500 } });
    const { id } = await first.submit();
    await first.untilState(id, 'running');
    await wait(300);
    const closing = performance.now();
    await first.stop();
    expect(performance.now() - closing).toBeLessThan(1000);
    await wait(2000);
    const second = await open({ data: first.dataDir });
    expect(await second.ended(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await second.steps(id)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('finds a job that ended meanwhile, and registers its model', async () => {
    const first = await open({ script: { steps: 20, stepMs: 5, checkpointEvery: 5 } });
    const { id } = await first.submit();
    await first.untilStep(id, 2);
    await first.stop();
    await wait(1000);
    const second = await open({ data: first.dataDir });
    expect(await second.ended(id)).toMatchObject({ state: 'succeeded', attempt: 1, step: 20 });
    expect(second.told).toHaveLength(1);
  });

  it('loses a run whose lease has run out to another platform, and cannot write to it any more', async () => {
    const first = await open({ script: { steps: 400, stepMs: 15 }, parts: { owner: 'first' } });
    const { id } = await first.submit();
    await first.untilStep(id, 5);
    await first.db
      .updateTable('runs')
      .set({ lease_until: new Date(Date.now() - 1000) })
      .where('id', '=', id)
      .execute();
    const second = await open({ data: first.dataDir, parts: { owner: 'second' } });
    await expect.poll(async () => (await getRun(second, project, id)).lease_owner, { timeout: 5000 }).toBe('second');
    const run = await second.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 1 });
    const steps = await second.steps(id);
    expect(steps).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
  });

  it('shares one queue with another platform: each run is started once, and never more at once than there are slots', async () => {
    const first = await open({ script: { steps: 2 }, parts: { owner: 'first', maxRuns: 3 } });
    const second = await open({ data: first.dataDir, parts: { owner: 'second', maxRuns: 3 } });
    const runs = await Promise.all(Array.from({ length: 16 }, (_, index) => (index % 2 ? first : second).submit()));
    for (let left = runs.length; left > 0;) {
      const rows = await first.db
        .selectFrom('runs')
        .select('state')
        .where(
          'id',
          'in',
          runs.map((run) => run.id),
        )
        .execute();
      expect(rows.filter((row) => row.state === 'running').length).toBeLessThanOrEqual(3);
      left = rows.filter((row) => !terminalStates.includes(row.state)).length;
      await wait(10);
    }
    for (const { id } of runs) {
      expect(await getRun(first, project, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
      expect((await first.events(id)).filter((event) => event.type === 'run-started')).toHaveLength(1);
    }
  });
});

describe('a database that goes away', () => {
  let settings: DatabaseSettings;
  let current: OpenDatabase;
  beforeAll(async () => {
    settings = await newTestDatabase('postgres');
    current = await openDatabase(settings);
  });
  afterAll(async () => {
    await current.close();
    rmSync(settings.data, { recursive: true, force: true });
  });
  const open = useTrainings({
    get current() {
      return current;
    },
    get settings() {
      return settings;
    },
  });

  it('is waited for: a job runs on, and its events are all there when the connections are back', async () => {
    const training = await open({ script: { steps: 150, stepMs: 20 } });
    const { id } = await training.submit();
    await training.untilStep(id, 5);
    const client = new pg.Client(settings.database);
    await client.connect();
    for (let cut = 0; cut < 8; cut++) {
      await client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      await wait(250);
    }
    await client.end();
    const run = () => getRun(training, project, id).catch(() => null);
    await expect.poll(async () => (await run())?.state, { timeout: 20_000 }).toBe('succeeded');
    expect(await run()).toMatchObject({ attempt: 1, failure: null });
    expect(await training.steps(id)).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
  });
});
