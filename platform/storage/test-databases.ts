/** Runs a suite of tests on both databases: on PGlite, and on a real PostgreSQL. Each suite has a database of its own. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { randomText } from '#platform/core/ids.ts';
import { openDatabase, type DatabaseSettings, type OpenDatabase } from './database.ts';

/** What a suite is given. */
export interface TestDatabase {
  /** The open database, of a default project and nothing else. */
  readonly current: OpenDatabase;
  /** To open it again; with PGlite `current` must be closed first. `data` is a temporary folder in either case. */
  readonly settings: DatabaseSettings;
}

/** The suite twice. `body` describes tests; the database is there once they run. */
export function describeDatabases(name: string, body: (database: TestDatabase) => void): void {
  describe.each(['pglite', 'postgres'] as const)(`${name} on %s`, (kind) => {
    let settings: DatabaseSettings;
    let open: OpenDatabase;
    beforeAll(async () => {
      settings = await newTestDatabase(kind);
      open = await openDatabase(settings);
    });
    afterAll(async () => {
      await open?.close();
      rmSync(settings.data, { recursive: true, force: true });
    });
    body({
      get current() {
        return open;
      },
      get settings() {
        return settings;
      },
    });
  });
}

/** An empty database, before any migration, and a temporary folder, which the caller removes. */
export async function newTestDatabase(kind: 'pglite' | 'postgres'): Promise<DatabaseSettings> {
  const data = mkdtempSync(join(tmpdir(), 'tuneloop-data-'));
  if (kind === 'pglite') {
    cpSync(inject('emptyPglite'), join(data, 'pglite'), { recursive: true });
    return { database: '', data };
  }
  const name = `test_${randomText(16).toLowerCase()}`;
  const client = new pg.Client(inject('postgres'));
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return { database: inject('postgres').replace('/postgres?', `/${name}?`), data };
}
