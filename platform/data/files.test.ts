import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import { objectStores } from '#platform/storage/object-stores/index.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { createFile, deleteExpiredFiles, deleteFile, getFile, listFiles, localPath, openFile, type Files } from './files.ts';

const project = 'proj_default';

describeDatabases('files', (database) => {
  let files: Files;
  beforeAll(async () => {
    const { db } = database.current;
    const config = { driver: 'disk', folder: join(database.settings.data, 'objects') };
    files = { db, objects: await openDriver(objectStores, config), maxUploadBytes: 100_000 };
    await db.insertInto('projects').values({ id: 'proj_other', name: 'other' }).execute();
  });
  const upload = (text: string, more: object = {}) =>
    createFile(files, project, { filename: 'rows.jsonl', purpose: 'fine-tune', body: Readable.from([Buffer.from(text)]), ...more });

  it('keeps the bytes as they came, with their size and hash', async () => {
    const bytes = Buffer.from('{"a":"ü"}\n\0\xff', 'latin1');
    const body = Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]);
    const row = await createFile(files, project, { filename: 'rows.jsonl', purpose: 'fine-tune', body });
    expect(row).toMatchObject({ filename: 'rows.jsonl', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    expect(await getFile(files, project, row.id)).toEqual(row);
    expect((await buffer(await openFile(files, project, row.id))).equals(bytes)).toBe(true);
    expect(existsSync(await localPath(files, project, row.id))).toBe(true);
  });

  it('takes no name for a path', async () => {
    const names = ['../../etc/passwd', 'C:\\x\\evil.jsonl', 'a\u202Egnp.exe\0\n', '..', '', 'x'.repeat(400)];
    const shown = [];
    for (const filename of names) shown.push((await upload('x', { filename })).filename);
    expect(shown).toEqual(['passwd', 'evil.jsonl', 'agnp.exe', '..', 'file', 'x'.repeat(255)]);
    expect(readdirSync(join(database.settings.data, 'objects')).sort()).toEqual(['files', 'incoming']);
  });

  it('refuses one byte too many, and leaves nothing of it', async () => {
    const stored = () => readdirSync(join(database.settings.data, 'objects'), { recursive: true }).length;
    const before = stored();
    await expect(upload('x'.repeat(100_001))).rejects.toMatchObject({ code: 'payload_too_large', status: 413 });
    await expect(upload('')).rejects.toMatchObject({ code: 'invalid_request', param: 'file' });
    expect(stored()).toBe(before);
    expect((await upload('x'.repeat(100_000))).bytes).toBe(100_000);
  });

  it('leaves nothing of an upload that breaks off', async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('half a ');
        throw new Error('connection lost');
      })(),
    );
    await expect(createFile(files, project, { filename: 'a', purpose: 'fine-tune', body })).rejects.toThrow('connection lost');
    expect(readdirSync(join(database.settings.data, 'objects/incoming'))).toEqual([]);
  });

  it('shows a project nothing of another one', async () => {
    const row = await upload('mine');
    for (const call of [getFile, openFile, localPath, deleteFile]) {
      await expect(call(files, 'proj_other', row.id)).rejects.toMatchObject({ code: 'file_not_found' });
    }
    await expect(listFiles(files, 'proj_other', { after: row.id, limit: 5, order: 'desc' })).rejects.toMatchObject({
      code: 'file_not_found',
    });
    expect(await listFiles(files, 'proj_other', { limit: 5, order: 'desc' })).toEqual({ data: [], hasMore: false });
    expect((await getFile(files, project, row.id)).id).toBe(row.id);
  });

  it('lists in pages that meet without gap or repetition, in either order', async () => {
    for (let count = 0; count < 5; count++) await upload(`row ${count}`, { purpose: 'batch' });
    for (const order of ['asc', 'desc'] as const) {
      const whole = await listFiles(files, project, { purpose: 'batch', limit: 100, order });
      expect(whole).toMatchObject({ hasMore: false, data: { length: 5 } });
      const ids: string[] = [];
      for (let hasMore = true; hasMore;) {
        const page = await listFiles(files, project, { purpose: 'batch', limit: 2, order, after: ids.at(-1) });
        ids.push(...page.data.map((row) => row.id));
        hasMore = page.hasMore;
      }
      expect(ids).toEqual(whole.data.map((row) => row.id));
    }
  });

  it('keeps a file that a run still needs, and lets it go once the run is over', async () => {
    const { db } = database.current;
    const needed = await upload('{}');
    const run = { project_id: project, base_model: 'm', training_file: 'file-other', validation_file: needed.id, seed: 1, config: '{}' };
    await db
      .insertInto('runs')
      .values({ ...run, id: 'ftjob-needs', state: 'paused' } as never)
      .execute();
    await expect(deleteFile(files, project, needed.id)).rejects.toMatchObject({ code: 'invalid_state', param: 'file_id' });
    expect(await getFile(files, project, needed.id)).toEqual(needed);
    await db.updateTable('runs').set({ state: 'failed' }).where('id', '=', 'ftjob-needs').execute();
    await deleteFile(files, project, needed.id);
    await expect(getFile(files, project, needed.id)).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('forgets a deleted file and one that has expired', async () => {
    const deleted = await upload('gone');
    const path = await localPath(files, project, deleted.id);
    await deleteFile(files, project, deleted.id);
    await expect(getFile(files, project, deleted.id)).rejects.toMatchObject({ code: 'file_not_found' });
    expect(existsSync(path)).toBe(false);
    const expiring = await upload('short', { expiresAfterSeconds: 3600 });
    expect(expiring.expires_at!.getTime() - expiring.created_at.getTime()).toBe(3_600_000);
    const expiredPath = await localPath(files, project, expiring.id);
    await files.db
      .updateTable('files')
      .set({ expires_at: new Date(Date.now() - 86_400_000) })
      .where('id', '=', expiring.id)
      .execute();
    await expect(getFile(files, project, expiring.id)).rejects.toMatchObject({ code: 'file_not_found' });
    expect(await deleteExpiredFiles(files)).toBe(1);
    expect(existsSync(expiredPath)).toBe(false);
    await expect(upload('x', { expiresAfterSeconds: 60 })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

/** A disk of 1 MB, as far as this user may mount one. */
const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
describe.runIf(isRoot)('a full disk', () => {
  it('refuses an upload as disk_full, leaves nothing of it, and takes one again once there is room', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tuneloop-full-'));
    const mount = join(folder, 'disk');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
    try {
      const objects = await openDriver(objectStores, { driver: 'disk', folder: mount });
      const big = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(65_536)));
      await expect(objects.put('files/big', big)).rejects.toMatchObject({ code: 'disk_full', status: 507 });
      expect(readdirSync(join(mount, 'incoming'))).toEqual([]);
      expect(await objects.exists('files/big')).toBe(false);
      expect(await objects.put('files/small', Readable.from([Buffer.from('fits')]))).toMatchObject({ bytes: 4 });
    } finally {
      execFileSync('umount', [mount]);
      rmSync(folder, { recursive: true });
    }
  });
});
