import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { trackers } from '#platform/monitoring/trackers/index.ts';
import type { Tracker } from '#platform/monitoring/tracker.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { project, useTrainings, type TestTraining } from './test-training.ts';
import { getRun } from './runs.ts';

const patience = { timeout: 30_000 };
const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A server on loopback in MLflow's place, that does what a test wants of it. */
class Mlflow {
  readonly #server: Server;
  /** What it answers: as it should, with this status, or never. */
  behaviour: 'well' | 'silent' | number = 'well';
  readonly metrics = new Map<string, number>();
  status: string | null = null;
  requests = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        this.requests++;
        if (this.behaviour === 'silent') return;
        if (typeof this.behaviour === 'number') return response.writeHead(this.behaviour).end('{"message":"no"}');
        response.end(JSON.stringify(this.#answer(request.url!, text)));
      });
    });
  }

  async open(): Promise<Tracker> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const tracking_uri = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return openDriver<Tracker>(trackers, { driver: 'mlflow', tracking_uri, experiment: 'tests' });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string, text: string): object {
    const body = (text === '' || !text.startsWith('{') ? {} : JSON.parse(text)) as {
      metrics?: { key: string; step: number; value: number }[];
      status?: string;
    };
    for (const { key, step, value } of body.metrics ?? []) this.metrics.set(`${key} ${step}`, value);
    if (body.status) this.status = body.status;
    if (url.includes('experiments/get-by-name')) return { experiment: { experiment_id: '1' } };
    if (url.includes('runs/create')) return { run: { info: { run_id: 'r', artifact_uri: 'file:///nowhere' } } };
    return {};
  }
}

describeDatabases('reports to trackers', (database) => {
  const openTraining = useTrainings(database);
  const servers: Mlflow[] = [];
  /** What the test before left to be told would be told here. */
  beforeEach(async () => void (await database.current.db.deleteFrom('run_reports').execute()));
  afterEach(() => servers.splice(0).forEach((server) => server.close()));
  const newServer = (behaviour: Mlflow['behaviour'] = 'well'): Mlflow => {
    const server = new Mlflow();
    server.behaviour = behaviour;
    servers.push(server);
    return server;
  };
  const reporting = { pollMs: 20, patienceMs: 300 };
  const open = (parts: { trackers: Tracker[] }, steps = 5, data?: string): Promise<TestTraining> =>
    openTraining({ script: { steps }, parts: { ...parts, reporting }, ...(data && { data }) });

  it('tell several trackers of every step and of the end', async () => {
    const server = newServer();
    const folder = mkdtempSync(join(tmpdir(), 'reports-'));
    const jsonl = await openDriver<Tracker>(trackers, { driver: 'jsonl', folder });
    const python = join(projectRoot, '.tools', 'wandb', 'bin', 'python');
    const offline = { python, root: projectRoot, folder: join(folder, 'wandb'), project: 'tests', mode: 'offline' };
    const wandb = await openDriver<Tracker>(trackers, { driver: 'wandb', ...offline });
    const parts = { trackers: [await server.open(), jsonl, wandb], reporting: { pollMs: 20, patienceMs: 30_000 } };
    const training = await openTraining({ script: { steps: 5 }, parts });
    const run = await training.ended((await training.submit({ suffix: 'lumen' })).id);
    await expect.poll(() => server.status, patience).toBe('FINISHED');
    const file = join(folder, `${run.id}.jsonl`);
    await expect.poll(() => readFileSync(file, 'utf8'), patience).toContain('"type":"end"');
    const lines = linesOf(file);
    expect(lines[0]).toMatchObject({
      type: 'run',
      name: 'lumen',
      parameters: { base_model: 'tiny', 'method.type': 'supervised', 'adapter.r': '16' },
    });
    const steps = lines.filter((line) => 'train/loss' in line);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(steps[0]).toMatchObject({ 'train/learning_rate': expect.any(Number), 'train/grad_norm': expect.any(Number) });
    expect(steps[0]!['train/perplexity']).toBeCloseTo(Math.exp(Number(steps[0]!['train/loss'])));
    expect(lines.at(-1)).toMatchObject({ type: 'end', state: 'succeeded', model: run.fine_tuned_model });
    // What its own package was told, and is kept beside the folder that it writes when a run ends.
    const journal = join(folder, 'wandb', `${run.id}.jsonl`);
    await expect.poll(() => existsSync(journal) && readFileSync(journal, 'utf8'), patience).toContain('"ended": "succeeded"');
    const told = linesOf(journal).filter((line) => 'seq' in line) as { step: number; values: Record<string, number> }[];
    for (const name of ['train/loss', 'train/perplexity', 'train/learning_rate', 'train/grad_norm'])
      expect(told.map(({ values }) => values[name]).filter((value) => value !== undefined)).toEqual(steps.map((line) => line[name]));
    await training.stop();
    rmSync(folder, { recursive: true });
    expect([1, 2, 3, 4, 5].map((step) => server.metrics.get(`train/loss ${step}`))).toEqual(steps.map((line) => line['train/loss']));
  });

  it.each(['silent', 500, 'closed'] as const)('hold up no run when a tracker is %s, and say so once in its events', async (fault) => {
    const server = newServer(fault === 'closed' ? 'well' : fault);
    const tracker = await server.open();
    if (fault === 'closed') server.close();
    const training = await open({ trackers: [tracker] }, 40);
    training.script({ steps: 40, stepMs: 25 });
    const run = await training.ended((await training.submit()).id);
    expect(run).toMatchObject({ state: 'succeeded', step: 40 });
    expect(server.status).toBeNull();
    const said = (await training.events(run.id)).filter(({ type }) => type.startsWith('tracker-'));
    expect(said.map(({ type, level }) => [type, level])).toEqual([['tracker-failed', 'warn']]);
    expect(said[0]!.message).toContain('mlflow could not be told of the run');
  });

  it('send what was missed once the tracker is back, and the run says that', async () => {
    const server = newServer(503);
    const training = await open({ trackers: [await server.open()] });
    training.script({ steps: 60, stepMs: 20 });
    const { id } = await training.submit();
    await training.untilStep(id, 10);
    await expect.poll(() => server.requests, patience).toBeGreaterThan(0);
    server.behaviour = 'well';
    await training.ended(id);
    await expect.poll(() => server.status, patience).toBe('FINISHED');
    expect(Array.from({ length: 60 }, (_, index) => server.metrics.has(`train/loss ${index + 1}`))).not.toContain(false);
    const said = async () => (await training.events(id)).map(({ type }) => type).filter((type) => type.startsWith('tracker-'));
    // The tracker knows before the run says so.
    await expect.poll(said, patience).toEqual(['tracker-failed', 'tracker-reached']);
  });

  it('are gone on with by the next process of the platform', async () => {
    const server = newServer(503);
    const first = await open({ trackers: [await server.open()] });
    const { id } = await first.submit();
    await first.ended(id);
    await first.stop();
    expect(server.metrics.size).toBe(0);
    server.behaviour = 'well';
    const next = await open({ trackers: first.trackers! }, 5, first.dataDir);
    await expect.poll(() => server.status, patience).toBe('FINISHED');
    expect(server.metrics.get('train/loss 5')).toBeTypeOf('number');
    expect((await getRun(next, project, id)).state).toBe('succeeded');
  });

  it('are given up where the tracker refuses for good', async () => {
    const server = newServer(401);
    const training = await open({ trackers: [await server.open()] });
    training.script({ steps: 30, stepMs: 20 });
    const run = await training.ended((await training.submit()).id);
    const said = (await training.events(run.id)).filter(({ type }) => type.startsWith('tracker-'));
    expect(said.map(({ type }) => type)).toEqual(['tracker-refused']);
    expect(server.requests).toBe(1);
  });
});
