/** A platform in a process of its own, on a data folder of its own: what whole-path tests and benches speak to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { projectRoot } from '#platform/config.ts';

export interface RunningPlatform {
  url: string;
  key: string;
  dataDir: string;
  process: ChildProcess;
  /** What it has printed so far, both streams. */
  output: () => string;
  /** Asks it to end and waits until it has; the data folder stays. */
  stop: () => Promise<void>;
  /** SIGKILL: what a crash is like; the data folder stays. */
  kill: () => Promise<void>;
}

/** The demo model that set-up has prepared, shared by hard links: no second copy, and no test can change the first. */
export function linkDemoModel(dataDir: string): void {
  const prepared = join(process.env['TUNELOOP_TEST_DATA'] ?? join(projectRoot, '.tuneloop'), 'models', 'smollm2-135m-instruct');
  if (!existsSync(join(prepared, 'manifest.json'))) throw new Error(`the demo model is not prepared in ${prepared}; run npm run setup`);
  linkFolder(prepared, join(dataDir, 'models', 'smollm2-135m-instruct'));
}

function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else linkOrCopy(source, target);
  }
}

/** A temporary folder may be on another disk, where a hard link cannot lead. */
function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    cpSync(source, target);
  }
}

export function newDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'tuneloop-data-'));
}

/** Tries again while a worker that outlived its platform still writes: only then is a folder "not empty" after all. */
export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port was given');
  return address.port;
}

/** Starts `tuneloop up` and returns once `/health` answers. Throws with what the process printed when it ends before. */
export async function startPlatform(dataDir: string, environment: Record<string, string> = {}): Promise<RunningPlatform> {
  const port = environment['TUNELOOP_PORT'] ?? String(await freePort());
  const key = environment['TUNELOOP_KEY'] ?? 'sk-tl-whole-path-owner-key';
  const child = spawn(process.execPath, [join(projectRoot, 'platform/cli/main.ts'), 'up'], {
    env: { ...process.env, TUNELOOP_DATA: dataDir, TUNELOOP_PORT: port, TUNELOOP_KEY: key, TUNELOOP_LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = once(child, 'exit');
  const end = (signal: 'SIGTERM' | 'SIGKILL') => async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  const platform = { url, key, dataDir, process: child, output: () => printed, stop: end('SIGTERM'), kill: end('SIGKILL') };
  await untilHealthy(platform);
  return platform;
}

async function untilHealthy(platform: RunningPlatform): Promise<void> {
  for (;;) {
    if (platform.process.exitCode !== null || platform.process.signalCode !== null)
      throw new Error(`the platform ended at its start:\n${platform.output()}`);
    const answer = await fetch(`${platform.url}/health`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A platform with the demo model, warm, that compares nothing after a run: what runs is measured alone. It is gone with its folder at the end. */
export async function withQuietPlatform<Result>(action: (platform: RunningPlatform) => Promise<Result>): Promise<Result> {
  const dataDir = newDataDir();
  linkDemoModel(dataDir);
  const platform = await startPlatform(dataDir, { TUNELOOP_PARITY: 'false' });
  try {
    await untilWarm(platform);
    return await action(platform);
  } finally {
    await platform.stop();
    removeDataDir(dataDir);
  }
}

/** Once worker and engine have loaded the model that they are warmed with. */
export async function untilWarm({ url }: Pick<RunningPlatform, 'url'>): Promise<void> {
  await until(async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as { worker?: { ready?: boolean } };
    return health.worker?.ready === true;
  });
}

/** The job once it has succeeded, looked at every `everyMs`. Throws with its own words when it fails. */
export async function untilSucceeded(client: OpenAI, jobId: string, everyMs: number): Promise<OpenAI.FineTuning.FineTuningJob> {
  return until(async () => {
    const job = await client.fineTuning.jobs.retrieve(jobId);
    if (job.status === 'failed') throw new Error(job.error?.message);
    return job.status === 'succeeded' ? job : null;
  }, everyMs);
}

/** Waits until `check` returns something, asking again every `everyMs`; the test's own time limit ends a wait in vain. */
export async function until<Found>(check: () => Promise<Found | null | undefined | false>, everyMs = 100): Promise<Found> {
  for (;;) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
