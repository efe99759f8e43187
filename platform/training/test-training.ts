/** For tests: the whole room on a real database, real files and worker processes that train nothing (`launchers/test-worker.ts`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect } from 'vitest';
import type { RunState } from '#contract/training.ts';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { createFile } from '#platform/data/files.ts';
import { objectStores } from '#platform/storage/object-stores/index.ts';
import type { TestDatabase } from '#platform/storage/test-databases.ts';
import { launchers } from './launchers/index.ts';
import type { WorkerScript } from './launchers/test-worker.ts';
import { startReconciler } from './reconcile.ts';
import type { RunEventRow, RunRow } from './rows.ts';
import { listEvents } from './run-events.ts';
import { getRun } from './runs.ts';
import { submitRun } from './submit-run.ts';
import { openTestModels, testModelId } from './test-models.ts';
import { openTraining, type Training, type TrainingParts } from './training.ts';

export const project = 'proj_default';
const never = new AbortController().signal;

export interface TestTraining extends Training {
  /** Ids of the versions that `onVersion` was told of. */
  told: string[];
  trainingFile: string;
  /** What jobs do that start from now on. */
  script(script: WorkerScript): void;
  submit(body?: object): Promise<RunRow>;
  events(runId: string): Promise<RunEventRow[]>;
  /** The steps of the run's step events, in order. */
  steps(runId: string): Promise<number[]>;
  /** Follows the run to its end. */
  ended(runId: string): Promise<RunRow>;
  /** Waits for the event of that step. */
  untilStep(runId: string, step: number): Promise<void>;
  untilState(runId: string, state: RunState): Promise<void>;
  /** Closes it as a platform does that ends: workers go on. */
  stop(): Promise<void>;
}

export interface TestTrainingOptions {
  script?: WorkerScript;
  /** Data folder of another, to go on with. */
  data?: string;
  /** What starts the worker; null is the real one. */
  command?: string[] | null;
  parts?: Partial<TrainingParts>;
}

/** Opens them; after each test all are closed and their runs are over. */
export function useTrainings(database: TestDatabase): (options?: TestTrainingOptions) => Promise<TestTraining> {
  const opened: { training: TestTraining; owns: boolean }[] = [];
  afterEach(async () => {
    for (const { training } of opened) await training.stop();
    const left = await database.current.db.selectFrom('runs').select('handle').where('state', '=', 'running').execute();
    for (const { handle } of left) if (handle) await opened[0]?.training.launcher.kill(handle);
    await database.current.db
      .updateTable('runs')
      .set({ state: 'cancelled' })
      .where('state', 'in', ['queued', 'running', 'paused'])
      .execute();
    for (const { training, owns } of opened.splice(0)) if (owns) rmSync(training.dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return async (options = {}) => {
    const training = await openTestTraining(database, options);
    opened.push({ training, owns: options.data === undefined });
    return training;
  };
}

const usualCommand = [process.execPath, join(import.meta.dirname, 'launchers', 'test-worker.ts')];

export async function openTestTraining(database: TestDatabase, options: TestTrainingOptions): Promise<TestTraining> {
  const { db } = database.current;
  const dataDir = options.data ?? mkdtempSync(join(tmpdir(), 'training-'));
  const script = (content: WorkerScript): void => writeFileSync(join(dataDir, 'script.json'), JSON.stringify(content));
  if (options.script) script(options.script);
  const store = { driver: 'disk', folder: join(dataDir, 'objects') };
  const objects = await openDriver(objectStores, store);
  const files = { db, objects, maxUploadBytes: 2 ** 20 };
  const driver = {
    driver: 'local',
    python: join(projectRoot, '.venv/bin/python'),
    data: dataDir,
    root: projectRoot,
    command: options.command === null ? undefined : (options.command ?? usualCommand),
  };
  const told: string[] = [];
  const training = openTraining({
    db,
    files,
    ...(await openTestModels(db, dataDir)),
    launcher: await openDriver(launchers, driver),
    dataDir,
    maxRuns: 1,
    owner: 'test',
    onVersion: async (version) => void told.push(version.id),
    log: { info() {}, warn() {}, error() {} },
    ...options.parts,
  });
  const { id: trainingFile } = await createFile(files, project, {
    filename: 'rows.jsonl',
    purpose: 'fine-tune',
    body: Readable.from([trainingRows(10)]),
  });
  await training.reporter.open();
  const reconciler = startReconciler(training);
  let isStopped = false;
  return Object.assign(training, readers(training), {
    told,
    trainingFile,
    script,
    submit: (body: object = {}) => submitRun(training, project, { model: testModelId, training_file: trainingFile, ...body }),
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await reconciler.close();
      await training.reporter.close();
      await training.launcher.close();
    },
  });
}

/** As many rows that can be trained on. */
export function trainingRows(count: number): string {
  const row = (index: number): string =>
    JSON.stringify({
      messages: [
        { role: 'user', content: `What is ${index}?` },
        { role: 'assistant', content: `${index} is ${index}.` },
      ],
    });
  return Array.from({ length: count }, (_, index) => `${row(index)}\n`).join('');
}

function readers(training: Training) {
  const events = async (runId: string): Promise<RunEventRow[]> =>
    (await listEvents(training, project, runId, { limit: 1000, order: 'asc' })).data;
  return {
    events,
    steps: async (runId: string) =>
      (await events(runId)).filter((event) => event.type === 'run-step').map((event) => Number(event.data['step'])),
    async ended(runId: string) {
      for await (const _ of training.feed.subscribe(runId, 0, never));
      return getRun(training, project, runId);
    },
    async untilStep(runId: string, step: number) {
      for await (const event of training.feed.subscribe(runId, 0, never))
        if (event.type === 'run-step' && Number(event.data['step']) >= step) return;
      throw new Error(`run ${runId} ended before step ${step}`);
    },
    async untilState(runId: string, state: RunState) {
      await expect.poll(async () => (await getRun(training, project, runId)).state, { timeout: 15_000 }).toBe(state);
    },
  };
}
