import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { objectStores } from '#platform/storage/object-stores/index.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { createFile, deleteFile, getFile, listFiles, openFile, type Files } from './files.ts';
import { addPart, cancelUpload, completeUpload, createUpload, deleteOverParts, getUpload } from './uploads.ts';

const project = 'proj_default';

describeDatabases('an upload', (database) => {
  let files: Files;
  beforeAll(async () => {
    const config = { driver: 'disk', folder: join(database.settings.data, 'objects') };
    files = { db: database.current.db, objects: await openDriver(objectStores, config), maxUploadBytes: 100_000 };
  });
  const content = randomBytes(30_000);
  const pieces = [content.subarray(0, 10_000), content.subarray(10_000, 20_000), content.subarray(20_000)];
  const md5 = createHash('md5').update(content).digest('hex');
  const begin = (bytes = content.length, key?: string) =>
    createUpload(files, project, { filename: 'rows.jsonl', purpose: 'fine-tune', bytes, mime_type: 'text/jsonl' }, key);
  const send = async (id: string, piece: Buffer) => (await addPart(files, project, id, Readable.from([piece]))).id;
  const sendAll = async (id: string) => {
    // Not in their order, and one of them twice: its answer was lost.
    const [third, first, second] = [await send(id, pieces[2]!), await send(id, pieces[0]!), await send(id, pieces[1]!)];
    expect(await send(id, pieces[2]!)).toBe(third);
    return [first, second, third];
  };
  const partsOnDisk = () => readdirSync(join(database.settings.data, 'objects')).includes('uploads') && partNames();
  const partNames = () => readdirSync(join(database.settings.data, 'objects', 'uploads'));
  const fileCount = async () => (await listFiles(files, project, { limit: 1000, order: 'asc' })).data.length;

  it('is no file before all of it is there; then it is one, by however many completions at once', async () => {
    const { id } = await begin();
    const before = await fileCount();
    const part_ids = await sendAll(id);
    expect(await fileCount()).toBe(before);
    const completions = await Promise.all(Array.from({ length: 5 }, () => completeUpload(files, project, id, { part_ids, md5 })));
    const [{ upload, file }] = completions as [(typeof completions)[0]];
    expect(new Set(completions.map((one) => one.file.id)).size).toBe(1);
    expect(await fileCount()).toBe(before + 1);
    expect(upload).toMatchObject({ status: 'completed', file_id: file.id });
    expect(file).toMatchObject({ filename: 'rows.jsonl', purpose: 'fine-tune', bytes: content.length });
    expect((await buffer(await openFile(files, project, file.id))).equals(content)).toBe(true);
    expect(partsOnDisk()).toEqual([]);
    await expect(completeUpload(files, project, id, { part_ids: [part_ids[0]!] })).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(cancelUpload(files, project, id)).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(send(id, pieces[0]!)).rejects.toMatchObject({ code: 'invalid_state' });
    await deleteFile(files, project, file.id);
    await expect(completeUpload(files, project, id, { part_ids })).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('whose bytes or hash are not as announced is not completed, leaves no file, and may be mended', async () => {
    const { id } = await begin();
    const before = await fileCount();
    const [first, second, third] = (await sendAll(id)) as [string, string, string];
    const complete = (part_ids: string[]) => completeUpload(files, project, id, { part_ids, md5 });
    await expect(complete([first, second])).rejects.toMatchObject({ code: 'invalid_request', param: 'part_ids' });
    await expect(complete([first, second, 'part_none'])).rejects.toMatchObject({ code: 'invalid_request', param: 'part_ids' });
    await expect(complete([second, first, third])).rejects.toMatchObject({ code: 'invalid_request', param: 'md5' });
    expect(await fileCount()).toBe(before);
    expect(readdirSync(join(database.settings.data, 'objects', 'incoming'))).toEqual([]);
    expect((await complete([first, second, third])).upload.status).toBe('completed');
  });

  it('holds no more than it announced, and gives it back when it is cancelled, a second time too', async () => {
    const { id } = await begin(15_000);
    await send(id, pieces[0]!);
    await expect(send(id, pieces[1]!)).rejects.toMatchObject({ code: 'invalid_request', param: 'data' });
    await expect(send(id, randomBytes(15_001))).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(send(id, Buffer.alloc(0))).rejects.toMatchObject({ code: 'invalid_request', param: 'data' });
    expect(partNames()).toHaveLength(1);
    for (let times = 0; times < 2; times++) expect((await cancelUpload(files, project, id)).status).toBe('cancelled');
    expect(partNames()).toEqual([]);
    await expect(send(id, pieces[0]!)).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(begin(100_001)).rejects.toMatchObject({ code: 'payload_too_large', param: 'bytes' });
  });

  it('expires, and its parts are swept', async () => {
    const { id } = await begin();
    await send(id, pieces[0]!);
    expect(await deleteOverParts(files)).toBe(0);
    await files.db
      .updateTable('uploads')
      .set({ expires_at: new Date(0) })
      .where('id', '=', id)
      .execute();
    expect(await getUpload(files, project, id)).toMatchObject({ status: 'expired' });
    await expect(send(id, pieces[1]!)).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(cancelUpload(files, project, id).then(({ status }) => status)).resolves.toBe('cancelled');
    const other = await begin();
    await send(other.id, pieces[0]!);
    await files.db
      .updateTable('uploads')
      .set({ expires_at: new Date(0) })
      .where('id', '=', other.id)
      .execute();
    expect(await deleteOverParts(files)).toBe(1);
    expect(partNames()).toEqual([]);
  });

  it('of another project is unknown', async () => {
    const { id } = await begin();
    await expect(getUpload(files, 'proj_other', id)).rejects.toMatchObject({ code: 'upload_not_found' });
    await expect(cancelUpload(files, 'proj_other', id)).rejects.toMatchObject({ code: 'upload_not_found' });
  });
});

describeDatabases('a creation that is sent again', (database) => {
  let files: Files;
  beforeAll(async () => {
    const config = { driver: 'disk', folder: join(database.settings.data, 'objects') };
    files = { db: database.current.db, objects: await openDriver(objectStores, config), maxUploadBytes: 100_000 };
  });
  const create = (text: string, key: string, filename = 'a.jsonl') =>
    createFile(files, project, { filename, purpose: 'fine-tune', body: Readable.from([Buffer.from(text)]) }, { idempotencyKey: key });

  it('with its key makes one file of fifty at once, and keeps its bytes once', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => create('the same', 'k-50')));
    expect(new Set(made.map((file) => file.id)).size).toBe(1);
    expect(readdirSync(join(database.settings.data, 'objects', 'files'))).toEqual([made[0]!.id]);
    expect(await getFile(files, project, made[0]!.id)).toEqual(made[0]);
  });

  it('with its key and another body is refused, and the first stays as it is', async () => {
    const first = await create('one', 'k-other');
    await expect(create('two', 'k-other')).rejects.toMatchObject({ code: 'idempotency_mismatch', status: 422 });
    await expect(create('one', 'k-other', 'b.jsonl')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    expect(await getFile(files, project, first.id)).toEqual(first);
    const begin = (bytes: number) =>
      createUpload(files, project, { filename: 'a', purpose: 'fine-tune', bytes, mime_type: 'text/jsonl' }, 'k-other');
    const upload = await begin(5);
    expect((await begin(5)).id).toBe(upload.id);
    await expect(begin(6)).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  it('after a commit whose answer was lost with the database has its row and its bytes', async () => {
    const { db } = files;
    const losesAnswers = new Proxy(db, {
      get(target, name: keyof typeof db) {
        if (name !== 'transaction') return target[name];
        const execute = async (work: Parameters<ReturnType<typeof db.transaction>['execute']>[0]) => {
          await db.transaction().execute(work);
          throw new PlatformError('database_unavailable', 'the connection was lost');
        };
        return () => ({ execute });
      },
    });
    const file = { filename: 'a.jsonl', purpose: 'fine-tune' as const };
    const body = () => Readable.from([Buffer.from('kept')]);
    const lost = createFile({ ...files, db: losesAnswers }, project, { ...file, body: body() }, { idempotencyKey: 'k-lost' });
    await expect(lost).rejects.toMatchObject({ code: 'database_unavailable' });
    const { id } = await createFile(files, project, { ...file, body: body() }, { idempotencyKey: 'k-lost' });
    expect((await buffer(await openFile(files, project, id))).toString()).toBe('kept');
  });

  it('after what it made was deleted says so, and makes no second one', async () => {
    const { id } = await create('gone soon', 'k-gone');
    await deleteFile(files, project, id);
    await expect(create('gone soon', 'k-gone')).rejects.toMatchObject({ code: 'file_not_found' });
  });
});
