/** Starts the platform in a process of its own and waits until it serves; finds it when it is running already. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot, type Config } from '#platform/config.ts';
import { randomText } from '#platform/core/ids.ts';
import { httpAddress } from './address.ts';
import { CliError } from './cli-error.ts';
import { Client } from './client.ts';
import type { Terminal } from './context.ts';
import { keyFor, readCredentials, saveKey } from './credentials.ts';
import { readPlatformFile, type RunningPlatform } from './platform-file.ts';

export interface StartedPlatform {
  address: string;
  /** Null in open mode. */
  key: string | null;
  pid: number;
  log: string;
  /** False when it was running already. */
  isNew: boolean;
}

/** First start of an empty data folder makes a database: some 4 CPU-seconds; a busy machine takes longer. */
const patienceMs = 120_000;

/**
 * The key is TUNELOOP_KEY, else the one kept for this address or data folder, else a new one; it is kept for the commands that follow. Throws
 * `port_in_use`, `data_locked` and whatever else the platform says when it cannot start.
 */
export async function startPlatform({ environment }: Pick<Terminal, 'environment'>, config: Config): Promise<StartedPlatform> {
  const log = join(config.data, 'platform.log');
  const running = readPlatformFile(config.data);
  if (running) return { ...(await joinRunning(environment, config, running)), log };
  const address = httpAddress(config.host, config.port === 0 ? await freePort(config.host) : config.port);
  if (await isTaken(config.host, Number(new URL(address).port))) {
    throw new CliError('port_in_use', `something else listens at ${address}`, { fix: 'tuneloop up --detach --port 0' });
  }
  const key = config.open ? null : (config.key ?? keyFor(readCredentials(environment), address, config.data) ?? `sk-tl-${randomText(43)}`);
  const child = spawnPlatform(environment, config, address, key, log);
  await untilHealthy(child, new Client(address, key), log);
  if (key !== null) saveKey(environment, address, key, config.data);
  return { address, key, pid: child.pid!, log, isNew: true };
}

async function joinRunning(
  environment: Terminal['environment'],
  config: Config,
  { address, pid }: RunningPlatform,
): Promise<Omit<StartedPlatform, 'log'>> {
  const key = config.key ?? keyFor(readCredentials(environment), address, config.data);
  await new Client(address, key).ask('/v1/models');
  if (key !== null) saveKey(environment, address, key, config.data);
  return { address, key, pid, isNew: false };
}

/** In a session of its own, so that closing the terminal does not end it. The key goes by environment: arguments are for all to see. */
function spawnPlatform(
  environment: Terminal['environment'],
  config: Config,
  address: string,
  key: string | null,
  log: string,
): ChildProcess {
  mkdirSync(config.data, { recursive: true });
  const output = openSync(log, 'a');
  const port = new URL(address).port;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'up', '--host', config.host, '--port', port], {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      // As bin/tuneloop sets it: what Node has stripped of types once it need not strip again.
      NODE_COMPILE_CACHE: join(projectRoot, 'node_modules', '.cache', 'tuneloop'),
      ...environment,
      TUNELOOP_DATA: config.data,
      TUNELOOP_OUTPUT: '',
      ...(key === null ? {} : { TUNELOOP_KEY: key }),
    },
  });
  closeSync(output);
  child.unref();
  return child;
}

async function untilHealthy(child: ChildProcess, client: Client, log: string): Promise<void> {
  const until = Date.now() + patienceMs;
  while (Date.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    try {
      await client.ask('/health');
      return;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
    }
    await sleep(100);
  }
  const ended = child.exitCode !== null || child.signalCode !== null;
  const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20).join('\n  | ');
  throw new CliError(
    'server_unreachable',
    ended ? 'the platform ended as it started' : `the platform does not answer after ${patienceMs / 1000} s`,
    {
      why: `the end of ${log}\n  | ${tail}`,
      fix: 'tuneloop doctor',
    },
  );
}

/** A port that nobody listens on right now. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true)).listen(port, host, () => server.close(() => resolve(false)));
  });
}
