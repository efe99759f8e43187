/** Two platform processes on one PostgreSQL and one data folder, one of them with a clock that jumps, frozen in the middle of its work. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileObject } from '#contract/openai/files.ts';
import { terminalStates } from '#contract/training.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { projectRoot } from '#platform/config.ts';
import { openDatabase, type OpenDatabase } from '#platform/storage/database.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import type { WorkerScript } from '#platform/training/launchers/test-worker.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { startPlatform, until, type RunningPlatform } from './running-platform.ts';

const disturbance = pathToFileURL(join(import.meta.dirname, 'chaos', 'disturb-process.ts')).href;
const hour = 3_600_000;

describe('two platforms that share a queue', { timeout: 120_000 }, () => {
  let settings: Awaited<ReturnType<typeof newTestDatabase>>;
  let database: OpenDatabase;
  let platforms: RunningPlatform[] = [];
  let trainingFile: string;
  const script = (content: WorkerScript): void => writeFileSync(join(settings.data, 'script.json'), JSON.stringify(content));
  /** Of the second platform, from the database's and the first one's. */
  const shiftClock = (milliseconds: number): void => writeFileSync(join(settings.data, 'clock'), String(milliseconds));

  beforeAll(async () => {
    settings = await newTestDatabase('postgres');
    database = await openDatabase(settings);
    await placeTestModel(settings.data);
    // Jobs that train nothing: the worker of the tests in place of Python's.
    const python = join(settings.data, 'python');
    const worker = join(projectRoot, 'platform/training/launchers/test-worker.ts');
    writeFileSync(python, `#!/bin/sh\nNODE_OPTIONS= exec ${process.execPath} ${worker} "$@"\n`);
    chmodSync(python, 0o755);
    script({ steps: 2 });
    const common = {
      TUNELOOP_DATABASE: settings.database,
      TUNELOOP_PYTHON: python,
      TUNELOOP_ENGINE: 'scripted',
      TUNELOOP_WARM_MODEL: 'none',
      TUNELOOP_PARITY: 'false',
      TUNELOOP_MAX_RUNS: '4',
      TUNELOOP_LOG_LEVEL: 'silent',
    };
    const clock = { NODE_OPTIONS: `--import=${disturbance}`, TUNELOOP_TEST_CLOCK: join(settings.data, 'clock') };
    platforms = [await startPlatform(settings.data, common), await startPlatform(settings.data, { ...common, ...clock })];
    trainingFile = (await upload(platforms[0]!)).id;
  });
  afterAll(async () => {
    for (const platform of platforms) {
      platform.process.kill('SIGCONT');
      await platform.stop();
    }
    await database?.close();
    rmSync(settings.data, { recursive: true, force: true, maxRetries: 5 });
  });

  async function upload({ url, key }: RunningPlatform): Promise<FileObject> {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([trainingRows(4)]), 'rows.jsonl');
    form.set('expires_after[anchor]', 'created_at');
    form.set('expires_after[seconds]', '3600');
    const answer = await fetch(`${url}/v1/files`, { method: 'POST', body: form, headers: { authorization: `Bearer ${key}` } });
    return (await answer.json()) as FileObject;
  }
  async function call<Answer>({ url, key }: RunningPlatform, path: string, body?: object): Promise<Answer> {
    const answer = await fetch(url + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }
  const submit = async (platform: RunningPlatform): Promise<string> =>
    (await call<TrainingRun>(platform, '/v1/fine_tuning/jobs', { model: testModelId, training_file: trainingFile })).id;
  const ended = (platform: RunningPlatform, id: string): Promise<TrainingRun> =>
    until(async () => {
      const run = await call<TrainingRun>(platform, `/api/v1/training/jobs/${id}`);
      return terminalStates.includes(run.status) ? run : null;
    });
  const eventsOf = async (id: string) =>
    (await database.db.selectFrom('run_events').selectAll().where('run_id', '=', id).orderBy('seq').execute()).map(
      ({ seq, type, data }) => {
        return { seq, type, data };
      },
    );

  it('claim each of many runs once', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, (_, index) => submit(platforms[index % 2]!)));
    for (const id of ids) expect(await ended(platforms[0]!, id)).toMatchObject({ status: 'succeeded', step: 2 });
    for (const id of ids) {
      const events = await eventsOf(id);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
      for (const type of ['run-starting', 'run-started', 'run-ended']) {
        expect(events.filter((event) => event.type === type)).toHaveLength(1);
      }
    }
    const owners = await database.db.selectFrom('runs').select('attempt').distinct().execute();
    expect(owners).toEqual([{ attempt: 1 }]);
  });

  it('lose no run to a clock that jumps by days, and let nothing expire by it', async () => {
    script({ steps: 120, stepMs: 20 });
    const [first, second] = platforms as [RunningPlatform, RunningPlatform];
    const ids = [await submit(first), await submit(second), await submit(second)];
    for (const shift of [72 * hour, -hour, 0]) {
      shiftClock(shift);
      const file = await upload(second);
      expect(Math.abs(file.created_at * 1000 - Date.now())).toBeLessThan(60_000);
      expect((await call<FileObject>(second, `/v1/files/${trainingFile}`)).expires_at! * 1000).toBeGreaterThan(Date.now());
      await until(async () => (await call<TrainingRun>(first, `/api/v1/training/jobs/${ids[0]!}`)).step > 10);
    }
    for (const id of ids) {
      const run = await ended(first, id);
      expect(run).toMatchObject({ status: 'succeeded', step: 120 });
      expect(run.finished_at!).toBeGreaterThanOrEqual(run.created_at);
      expect((await eventsOf(id)).filter(({ type }) => type === 'run-retried')).toEqual([]);
    }
  });

  it('write each event of a run once, though one was frozen until the other had taken the run over, and then went on', async () => {
    script({ steps: 1500, stepMs: 20 });
    const [first, second] = platforms as [RunningPlatform, RunningPlatform];
    const id = await submit(second);
    const holder = async () =>
      (await database.db.selectFrom('runs').select('lease_owner').where('id', '=', id).executeTakeFirst())?.lease_owner;
    const owner = await until(holder);
    await until(async () => (await call<TrainingRun>(first, `/api/v1/training/jobs/${id}`)).step > 5);
    const held = (await database.db.selectFrom('runs').select('step').where('id', '=', id).executeTakeFirstOrThrow()).step;
    // Whichever of them has it is frozen.
    const frozen = await freezeHolder(id, held);
    const other = platforms.find((platform) => platform !== frozen)!;
    await until(async () => ![owner, null, undefined].includes(await holder()), 200);
    frozen.process.kill('SIGCONT');
    expect(await ended(other, id)).toMatchObject({ status: 'succeeded', step: 1500 });
    const events = await eventsOf(id);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    const steps = events.filter((event) => event.type === 'run-step').map((event) => event.data['step']);
    expect(steps).toEqual(Array.from({ length: 1500 }, (_, index) => index + 1));
    expect(events.filter((event) => event.type === 'run-ended')).toHaveLength(1);
    const { fine_tuned_model } = await call<TrainingRun>(other, `/api/v1/training/jobs/${id}`);
    const versions = await database.db.selectFrom('model_versions').select('id').where('run_id', '=', id).execute();
    expect(versions).toEqual([{ id: fine_tuned_model }]);
  });

  /** The one by whose freezing the run stands still. */
  async function freezeHolder(id: string, since: number): Promise<RunningPlatform> {
    const step = async () => (await database.db.selectFrom('runs').select('step').where('id', '=', id).executeTakeFirstOrThrow()).step;
    for (const platform of platforms) {
      platform.process.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 300));
      const before = Math.max(since, await step());
      await new Promise((resolve) => setTimeout(resolve, 600));
      if ((await step()) === before) return platform;
      platform.process.kill('SIGCONT');
    }
    throw new Error('neither platform holds the run');
  }
});
