/** Brings a database to the newest schema: numbered SQL files, each in one transaction, each once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql, type Kysely, type Transaction } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';

export const migrationsFolder = join(import.meta.dirname, 'migrations');

interface Migration {
  version: number;
  name: string;
  path: string;
}

/** Any number, the same for all that migrate one database: the key of PostgreSQL's advisory lock. */
const lockKey = 7_153_002;

/**
 * Applies what is missing. Safe when several processes start at once (one does it, the others wait) and when it is killed half-way
 * (the started file is undone, the next start goes on). Throws `setting_invalid` for a database of a newer release.
 */
export async function migrate<Database>(db: Kysely<Database>, folder: string = migrationsFolder): Promise<void> {
  const migrations = readMigrations(folder);
  while (await db.transaction().execute((transaction) => applyNext(transaction, migrations)));
}

/** True when it applied one, so that there may be another. */
async function applyNext<Database>(transaction: Transaction<Database>, migrations: Migration[]): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(transaction);
  await sql`create table if not exists schema_migrations (
    version integer primary key, name text not null, applied_at timestamptz not null default now())`.execute(transaction);
  const { rows } = await sql<{ version: number; name: string }>`select version, name from schema_migrations`.execute(transaction);
  const unknown = rows.find((row) => !migrations.some((migration) => migration.version === row.version));
  if (unknown) {
    throw new PlatformError(
      'setting_invalid',
      `this database was made by a newer release of Tuneloop (it has migration ${unknown.name}): update Tuneloop, or choose another database`,
    );
  }
  const next = migrations.find((migration) => !rows.some((row) => row.version === migration.version));
  if (!next) return false;
  await sql.raw(readFileSync(next.path, 'utf8')).execute(transaction);
  await sql`insert into schema_migrations (version, name) values (${next.version}, ${next.name})`.execute(transaction);
  return true;
}

/** In order of their numbers: `0001-spine.sql` is version 1. */
function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => ({ version: Number.parseInt(name, 10), name: name.replace(/\.sql$/, ''), path: join(folder, name) }))
    .sort((left, right) => left.version - right.version);
}
