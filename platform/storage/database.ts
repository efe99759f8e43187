/** Opens the database that the settings name: PGlite in the data folder, or PostgreSQL; one schema, one SQL for both. */
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';
import { lockData } from './data-lock.ts';
import { migrate, migrationsFolder } from './migrate.ts';
import { pgliteDialect } from './pglite-dialect.ts';
import { openPglite } from './pglite.ts';
import { postgresDialect } from './postgres-dialect.ts';
import type { Tables } from './tables.ts';

export interface OpenDatabase {
  db: Kysely<Tables>;
  kind: 'pglite' | 'postgres';
  close(): Promise<void>;
}

/** Where the rows are. `database` is '' for PGlite in `<data>/pglite`, or a postgres:// address. */
export interface DatabaseSettings {
  database: string;
  data: string;
}

/** The project that exists from the start. */
export const defaultProject = { id: 'proj_default', name: 'default' };

/**
 * Opens it, brings its schema up to date and makes the default project. Throws `data_locked` when another process has the PGlite
 * folder, `database_unavailable` when PostgreSQL cannot be reached, `setting_invalid` for any other address or a newer schema.
 */
export async function openDatabase(settings: DatabaseSettings, migrations: string = migrationsFolder): Promise<OpenDatabase> {
  const database = settings.database === '' ? openEmbedded(settings.data) : openPostgres(settings.database);
  try {
    await migrate(database.db, migrations);
    await database.db
      .insertInto('projects')
      .values(defaultProject)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    if (database.kind === 'pglite') await tidyUp(database.db);
  } catch (error) {
    await database.close();
    throw openFailure(settings, error);
  }
  return database;
}

/** Whether a query failed because the database is away for the moment: what the dialects of this room make of a lost connection. */
export function isDatabaseDown(error: unknown): boolean {
  return error instanceof PlatformError && error.code === 'database_unavailable';
}

/** PGlite has no autovacuum: a start is the time to give back the room of old row versions (milliseconds; the catalogue's would take 0.5 s). */
async function tidyUp(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ tablename: string }>`select tablename from pg_tables where schemaname = 'public'`.execute(db);
  await sql`vacuum (analyze) ${sql.join(rows.map((row) => sql.table(row.tablename)))}`.execute(db);
}

function openEmbedded(data: string): OpenDatabase {
  const lock = lockData(data);
  const db = new Kysely<Tables>({ dialect: pgliteDialect(() => openPglite(join(data, 'pglite'))) });
  const close = async () => {
    try {
      await db.destroy();
    } finally {
      lock.release();
    }
  };
  return { db, kind: 'pglite', close };
}

function openPostgres(address: string): OpenDatabase {
  if (!/^postgres(ql)?:\/\//.test(address)) {
    throw new PlatformError('setting_invalid', 'TUNELOOP_DATABASE must be empty (PGlite in the data folder) or a postgres:// address');
  }
  const db = new Kysely<Tables>({ dialect: postgresDialect(address) });
  return { db, kind: 'postgres', close: () => db.destroy() };
}

/** Says which database it was, without its password. */
function openFailure(settings: DatabaseSettings, error: unknown): unknown {
  if (!isDatabaseDown(error) || settings.database === '') return error;
  const { host, pathname } = new URL(settings.database);
  const cause = (error as PlatformError).cause;
  return new PlatformError(
    'database_unavailable',
    `cannot open the PostgreSQL database "${pathname.slice(1)}" at ${host || 'its socket'}: ${describeCause(cause)}. ` +
      'Start the server, or correct TUNELOOP_DATABASE',
    { cause },
  );
}

function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(describeCause).join('; ');
  return cause instanceof Error ? cause.message : String(cause);
}
