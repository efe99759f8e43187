import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { TrackerRefused, type TrackedPlace } from '../tracker.ts';
import { describeTracker, trackedTestRun, type KeptRun } from './conformance.ts';
import { trackers } from './index.ts';

const mlflow = join(projectRoot, '.tools', 'mlflow', 'bin', 'mlflow');
const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'tracker-mlflow-'));
let server: ChildProcess;
let address: string;
const open = () => openDriver(trackers, { driver: 'mlflow', tracking_uri: address, experiment: 'tuneloop tests' });

beforeAll(async () => {
  if (!existsSync(mlflow)) throw new Error(`${mlflow} is missing: run npm run setup -- --for-tests`);
  const port = await freePort();
  address = `http://127.0.0.1:${port}`;
  const store = ['--backend-store-uri', `sqlite:///${join(folder, 'mlflow.db')}`, '--artifacts-destination', join(folder, 'artifacts')];
  const words = ['server', ...store, '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  // A group of its own: the server is several processes.
  const env = { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' };
  server = spawn(mlflow, words, { cwd: folder, env, stdio: 'ignore', detached: true });
  while (!(await fetch(`${address}/health`).catch(() => null))?.ok) {
    if (server.exitCode !== null) throw new Error(`mlflow ended with ${server.exitCode}`);
    await wait(100);
  }
}, 120_000);
afterAll(async () => {
  if (server.exitCode === null) {
    process.kill(-server.pid!, 'SIGKILL');
    await once(server, 'exit');
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

describeTracker('mlflow', { open, read, keepsFiles: true });

it('refuses for good what the server will never take', async () => {
  const tracker = await open();
  const run = trackedTestRun('ftjob-refused');
  const place = await tracker.begin(run, null, never);
  const figures = [{ seq: 1, step: 1, at: new Date(0), values: { 'a name that\nis none': 1 } }];
  await expect(tracker.log(run, place, figures, never)).rejects.toBeInstanceOf(TrackerRefused);
});

/** As another client reads it. */
async function read(_run: unknown, { run_id, artifact_uri }: TrackedPlace): Promise<KeptRun> {
  const ask = async <Answer>(path: string): Promise<Answer> => (await (await fetch(`${address}/api/2.0/${path}`)).json()) as Answer;
  type Pair = { key: string; value: string };
  type Found = { run: { info: { run_name: string; status: string }; data: { params?: Pair[]; metrics?: Pair[]; tags?: Pair[] } } };
  const { run } = await ask<Found>(`mlflow/runs/get?run_id=${String(run_id)}`);
  const pairs = (list: Pair[] = []): Record<string, string> => Object.fromEntries(list.map(({ key, value }) => [key, value]));
  const figures: KeptRun['figures'] = {};
  for (const { key } of run.data.metrics ?? []) {
    type History = { metrics: { step: string; value: number }[] };
    const history = await ask<History>(`mlflow/metrics/get-history?run_id=${String(run_id)}&metric_key=${encodeURIComponent(key)}`);
    expect(new Set(history.metrics.map(({ step }) => step)).size).toBe(history.metrics.length);
    figures[key] = Object.fromEntries(history.metrics.map(({ step, value }) => [Number(step), value]));
  }
  const file = join(folder, 'artifacts', String(artifact_uri).replace('mlflow-artifacts:/', ''), 'adapter', 'adapter_model.safetensors');
  const states = { RUNNING: 'running', FINISHED: 'succeeded', FAILED: 'failed', KILLED: 'cancelled' } as const;
  return {
    name: run.info.run_name,
    parameters: pairs(run.data.params),
    figures,
    state: states[run.info.status as keyof typeof states],
    model: pairs(run.data.tags)['tuneloop.model'] ?? null,
    adapter: existsSync(file) ? readFileSync(file, 'utf8') : null,
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
