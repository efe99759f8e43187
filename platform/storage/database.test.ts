import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { isDatabaseDown, openDatabase } from './database.ts';
import { describeDatabases, newTestDatabase } from './test-databases.ts';

describeDatabases('a database', (database) => {
  const db = () => database.current.db;

  it('has the default project from the start', async () => {
    expect(await db().selectFrom('projects').select(['id', 'name']).execute()).toEqual([{ id: 'proj_default', name: 'default' }]);
  });

  it('gives times as Date, jsonb as objects, and counts as numbers', async () => {
    const at = new Date('2026-03-29T01:30:00.123Z');
    const { rows } = await sql<Record<string, unknown>>`
      select ${at}::timestamptz as at, ${JSON.stringify({ a: [1, null, 'ü'] })}::jsonb as json, count(*) as count, 2.5::double precision as size,
        true as yes, null::text as nothing
      from projects`.execute(db());
    expect(rows).toEqual([{ at, json: { a: [1, null, 'ü'] }, count: 1, size: 2.5, yes: true, nothing: null }]);
  });

  it('tells how many rows a statement changed', async () => {
    const values = ['proj_a', 'proj_b'].map((id) => ({ id, name: id }));
    expect((await db().insertInto('projects').values(values).executeTakeFirst()).numInsertedOrUpdatedRows).toBe(2n);
    expect((await db().updateTable('projects').set({ name: 'x' }).where('id', '=', 'proj_none').executeTakeFirst()).numUpdatedRows).toBe(
      0n,
    );
    expect((await db().deleteFrom('projects').where('id', 'in', ['proj_a', 'proj_b']).executeTakeFirst()).numDeletedRows).toBe(2n);
  });

  it('names a broken rule by the code of PostgreSQL', async () => {
    await expect(db().insertInto('projects').values({ id: 'proj_default', name: 'again' }).execute()).rejects.toMatchObject({
      code: '23505',
    });
    await expect(sql`select nothing from nowhere`.execute(db())).rejects.toMatchObject({ code: '42P01' });
  });

  it('undoes a transaction that fails, and only that one', async () => {
    const inside = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const failing = db()
      .transaction()
      .execute(async (transaction) => {
        await transaction.insertInto('projects').values({ id: 'proj_undone', name: 'undone' }).execute();
        inside.resolve();
        await goOn.promise;
        throw new Error('changed my mind');
      });
    await inside.promise;
    const beside = db().insertInto('projects').values({ id: 'proj_beside', name: 'beside' }).execute();
    goOn.resolve();
    await expect(failing).rejects.toThrow('changed my mind');
    await beside;
    const ids = (await db().selectFrom('projects').select('id').execute()).map((row) => row.id);
    expect(ids).toContain('proj_beside');
    expect(ids).not.toContain('proj_undone');
  });

  it('runs transactions that start at once one after the other', async () => {
    await sql`create table tally (count integer not null)`.execute(db());
    await sql`insert into tally values (0)`.execute(db());
    const addOne = () =>
      db()
        .transaction()
        .execute(async (transaction) => {
          const { rows } = await sql<{ count: number }>`select count from tally for update`.execute(transaction);
          await sql`update tally set count = ${rows[0]!.count + 1}`.execute(transaction);
        });
    await Promise.all(Array.from({ length: 20 }, addOne));
    expect((await sql`select count from tally`.execute(db())).rows).toEqual([{ count: 20 }]);
  });

  it('does not commit a transaction of which a statement failed', async () => {
    const swallowed = db()
      .transaction()
      .execute(async (transaction) => {
        await transaction.insertInto('projects').values({ id: 'proj_lost', name: 'lost' }).execute();
        await sql`select 1 / 0`.execute(transaction).catch(() => {});
      });
    await expect(swallowed).rejects.toThrow();
    expect(await db().selectFrom('projects').select('id').where('id', '=', 'proj_lost').execute()).toEqual([]);
  });
});

describe.each(['pglite', 'postgres'] as const)('the rows of %s', { timeout: 120_000 }, (kind) => {
  it('are all there after kill -9, as far as they were acknowledged', async () => {
    const settings = await newTestDatabase(kind);
    const writer = startWriter(settings);
    let acknowledged = 0;
    for await (const line of createInterface(writer.stdout)) {
      acknowledged = Number(line);
      if (acknowledged === 40) writer.kill('SIGKILL');
    }
    const reopened = await openDatabase(settings);
    const rows = await reopened.db.selectFrom('projects').select('id').where('name', '=', 'written').execute();
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged);
    await reopened.close();
    rmSync(settings.data, { recursive: true });
  });
});

// Each starts Node and PGlite two or three times.
describe('the embedded database', { timeout: 120_000 }, () => {
  it('refuses a second process, names the first, and is free again when that is killed', async () => {
    const settings = await newTestDatabase('pglite');
    const holder = startWriter(settings);
    await new Promise((resolve) => createInterface(holder.stdout).once('line', resolve));
    const refused = openDatabase(settings);
    await expect(refused).rejects.toMatchObject({ code: 'data_locked' });
    await expect(refused).rejects.toThrow(`process ${holder.pid}`);
    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.once('exit', resolve));
    const opened = await openDatabase(settings);
    expect(await opened.db.selectFrom('projects').select('id').where('id', '=', 'proj_default').execute()).toHaveLength(1);
    await expect(openDatabase(settings)).rejects.toThrow(`process ${process.pid}`);
    await opened.close();
    await (await openDatabase(settings)).close();
    rmSync(settings.data, { recursive: true });
  });

  it('takes no half-made folder for a database', async () => {
    const settings = await newTestDatabase('pglite');
    rmSync(join(settings.data, 'pglite'), { recursive: true });
    const maker = startWriter(settings);
    const half = join(settings.data, `pglite.creating-${maker.pid}/base`);
    await expect.poll(() => existsSync(half), { timeout: 60_000 }).toBe(true);
    maker.kill('SIGKILL');
    await new Promise((resolve) => maker.once('exit', resolve));
    const opened = await openDatabase(settings);
    expect(await opened.db.selectFrom('projects').select('id').execute()).toEqual([{ id: 'proj_default' }]);
    expect(existsSync(half)).toBe(false);
    await opened.close();
    rmSync(settings.data, { recursive: true });
  });

  it('fsyncs what it commits', async () => {
    const settings = await newTestDatabase('pglite');
    const opened = await openDatabase(settings);
    const { rows } = await sql`select current_setting('fsync') as fsync, current_setting('wal_sync_method') as method`.execute(opened.db);
    expect(rows).toEqual([{ fsync: 'on', method: 'fsync' }]);
    await opened.close();
    rmSync(settings.data, { recursive: true });
  });
});

/** A disk of 48 MB, as far as this user may mount one. */
const mayMount = process.getuid?.() === 0 && process.platform === 'linux';
describe.runIf(mayMount)('the embedded database on a full disk', { timeout: 120_000 }, () => {
  it('refuses to write as disk_full, and once there is room has all that it acknowledged, and goes on', async () => {
    const data = mkdtempSync(join(tmpdir(), 'tuneloop-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', data]);
    try {
      cpSync(inject('emptyPglite'), join(data, 'pglite'), { recursive: true });
      writeFileSync(join(data, 'ballast'), Buffer.alloc(20 * 2 ** 20));
      const opened = await openDatabase({ database: '', data });
      const write = (id: string) =>
        opened.db
          .insertInto('projects')
          .values({ id, name: randomBytes(50_000).toString('hex') })
          .execute();
      let written = 0;
      const full = await (async () => {
        for (; ; written++) await write(`written-${written}`);
      })().catch((error: unknown) => error);
      expect(full).toMatchObject({ code: 'disk_full' });
      await expect(write('refused')).rejects.toMatchObject({ code: 'disk_full' });
      rmSync(join(data, 'ballast'));
      await expect.poll(() => write(`after-${randomBytes(8).toString('hex')}`).then(() => true), { timeout: 60_000 }).toBe(true);
      const { count } = await opened.db
        .selectFrom('projects')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('id', 'like', 'written-%')
        .executeTakeFirstOrThrow();
      expect(written).toBeGreaterThan(10);
      expect(count).toBe(written);
      await opened.close();
    } finally {
      execFileSync('umount', ['--lazy', data]);
      rmSync(data, { recursive: true });
    }
  });
});

describe('a PostgreSQL that is away', () => {
  it('is named at the start, without its password', async () => {
    const opening = openDatabase({ database: 'postgres://me:hunter2secret@127.0.0.1:1/rows', data: '/nowhere' });
    await expect(opening).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(opening).rejects.toThrow(/"rows" at 127\.0\.0\.1:1/);
    await expect(opening).rejects.not.toThrow(/hunter2secret/);
  });

  it('fails a query as database_unavailable, and the next one works once it is back', async () => {
    const settings = await newTestDatabase('postgres');
    const opened = await openDatabase(settings);
    const cut = opened.db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      const other = new pg.Client(inject('postgres'));
      await other.connect();
      await other.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
      await other.end();
      await sql`select 1`.execute(transaction);
    });
    const error = await cut.catch((caught: unknown) => caught);
    expect(isDatabaseDown(error)).toBe(true);
    expect((await sql`select 1 as one`.execute(opened.db)).rows).toEqual([{ one: 1 }]);
    await opened.close();
    rmSync(settings.data, { recursive: true });
  });

  it('refuses an address that is no PostgreSQL', async () => {
    await expect(openDatabase({ database: 'mysql://here', data: '/nowhere' })).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});

/** A second process that opens the database, writes rows one by one, and prints how many were acknowledged. */
function startWriter(settings: { database: string; data: string }) {
  const program = `
    const { openDatabase } = await import('./database.ts');
    const { db } = await openDatabase(JSON.parse(process.argv[1]));
    for (let count = 1; ; count++) {
      await db.insertInto('projects').values({ id: 'written-' + count, name: 'written' }).execute();
      process.stdout.write(count + '\\n');
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program, JSON.stringify(settings)], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
