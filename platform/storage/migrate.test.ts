import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type DatabaseSettings } from './database.ts';
import { migrationsFolder } from './migrate.ts';
import { newTestDatabase } from './test-databases.ts';

describe.each(['pglite', 'postgres'] as const)('migrations on %s', { timeout: 120_000 }, (kind) => {
  let settings: DatabaseSettings;
  let folder: string;
  beforeEach(async () => {
    settings = await newTestDatabase(kind);
    folder = mkdtempSync(join(tmpdir(), 'tuneloop-migrations-'));
    cpSync(migrationsFolder, folder, { recursive: true });
  });
  afterEach(() => {
    for (const path of [settings.data, folder]) rmSync(path, { recursive: true });
  });
  const add = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const applied = async () => {
    const { db, close } = await openDatabase(settings, folder);
    const { rows } = await sql<{ name: string }>`select name from schema_migrations where version > 9000 order by version`.execute(db);
    await close();
    return rows.map((row) => row.name);
  };

  it('are applied once each, in order, and again only when one is added', async () => {
    add('9002-second.sql', 'insert into steps values (2);');
    add('9001-first.sql', 'create table steps (step integer); insert into steps values (1);');
    expect(await applied()).toEqual(['9001-first', '9002-second']);
    add('9003-third.sql', '-- a comment\ninsert into steps values (3);\n');
    expect(await applied()).toEqual(['9001-first', '9002-second', '9003-third']);
    const { db, close } = await openDatabase(settings, folder);
    expect((await sql`select step from steps order by step`.execute(db)).rows).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
    await close();
  });

  it('leave nothing of one that fails, and keep the ones before it', async () => {
    add('9001-good.sql', 'create table good (id integer);');
    add('9002-bad.sql', 'create table half (id integer); select 1 / 0;');
    await expect(openDatabase(settings, folder)).rejects.toMatchObject({ code: '22012' });
    rmSync(join(folder, '9002-bad.sql'));
    expect(await applied()).toEqual(['9001-good']);
    add('9002-mended.sql', 'create table half (id integer);');
    expect(await applied()).toEqual(['9001-good', '9002-mended']);
  });

  it('go on after a kill in the middle of one', async () => {
    // A file in its own folder is all that a PGlite which is busy can show.
    const mark = kind === 'pglite' ? "copy (select 1) to '/pglite/data/reached';" : '';
    add('9001-slow.sql', `create table slow (id integer); ${mark} select pg_sleep(600);`);
    const migrating = startMigrating(settings, folder);
    await expect.poll(() => isAtSleep(settings), { timeout: 60_000 }).toBe(true);
    migrating.kill('SIGKILL');
    await new Promise((resolve) => migrating.once('exit', resolve));
    if (kind === 'postgres') await endSleep(settings);
    add('9001-slow.sql', 'create table slow (id integer);');
    expect(await applied()).toEqual(['9001-slow']);
  });

  it('refuse a database of a newer release', async () => {
    add('9001-future.sql', 'create table future (id integer);');
    await applied();
    rmSync(join(folder, '9001-future.sql'));
    const opening = openDatabase(settings, folder);
    await expect(opening).rejects.toMatchObject({ code: 'setting_invalid' });
    await expect(opening).rejects.toThrow('9001-future');
  });
});

describe('migrations of two processes', () => {
  it('are applied once when both start at the same time on PostgreSQL', async () => {
    const settings = await newTestDatabase('postgres');
    const opened = await Promise.all([openDatabase(settings), openDatabase(settings), openDatabase(settings)]);
    expect((await sql`select version from schema_migrations`.execute(opened[0]!.db)).rows).toHaveLength(
      readdirSync(migrationsFolder).length,
    );
    for (const { close } of opened) await close();
    rmSync(settings.data, { recursive: true });
  });
});

function startMigrating(settings: DatabaseSettings, folder: string): ChildProcess {
  const program = `
    const { openDatabase } = await import('./database.ts');
    await openDatabase(JSON.parse(process.argv[1]), process.argv[2]);`;
  const given = ['--input-type=module', '--eval', program, JSON.stringify(settings), folder];
  return spawn(process.execPath, given, { cwd: import.meta.dirname, stdio: 'inherit' });
}

const sleeping = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and wait_event = 'PgSleep'";

async function isAtSleep(settings: DatabaseSettings): Promise<boolean> {
  if (settings.database === '') return existsSync(join(settings.data, 'pglite/reached'));
  return (await query(settings, `select pid ${sleeping}`)) > 0;
}

/** A server notices that its client is gone when it next speaks to it: a real migration does not sleep for ten minutes. */
async function endSleep(settings: DatabaseSettings): Promise<void> {
  await query(settings, `select pg_terminate_backend(pid) ${sleeping}`);
}

async function query(settings: DatabaseSettings, text: string): Promise<number> {
  const client = new pg.Client(settings.database);
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows.length;
}
