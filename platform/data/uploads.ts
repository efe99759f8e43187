/** Files that come in parts: each part may be sent again, and nothing is a file before all of it is there and right. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { UploadCompleteRequest, UploadRequest } from '#contract/openai/uploads.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import { createOnce } from '#platform/storage/create-once.ts';
import type { Tables, UploadPartTable, UploadTable } from '#platform/storage/tables.ts';
import { createFile, displayName, dropUnstored, getFile, type FileRow, type Files, type StoredPurpose } from './files.ts';

export type UploadRow = Selectable<UploadTable> & { status: 'pending' | 'completed' | 'cancelled' | 'expired' };
export type UploadPartRow = Selectable<UploadPartTable>;

/** OpenAI's: an upload that is not completed within an hour is forgotten. */
const lifetimeSeconds = 3600;

/** Throws `payload_too_large`, and `idempotency_mismatch` when the key began another upload. */
export async function createUpload(
  files: Files,
  projectId: string,
  { filename, purpose, bytes, mime_type, expires_after }: UploadRequest,
  idempotencyKey?: string,
): Promise<UploadRow> {
  if (bytes > files.maxUploadBytes) {
    const message = `bytes: ${bytes} is more than ${files.maxUploadBytes}, the most that is taken here (TUNELOOP_MAX_UPLOAD_MB)`;
    throw new PlatformError('payload_too_large', message, { param: 'bytes' });
  }
  const values = { filename: displayName(filename), purpose, bytes, mime_type, file_lifetime_seconds: expires_after?.seconds ?? null };
  const once = idempotencyKey === undefined ? null : { projectId, resource: 'upload' as const, key: idempotencyKey, request: values };
  const expires_at = sql<Date>`now() + ${sql.lit(lifetimeSeconds)} * interval '1 second'`;
  const insert = (db: Kysely<Tables>) =>
    db
      .insertInto('uploads')
      .values({ ...values, id: newId('upload_'), project_id: projectId, expires_at })
      .returning('id')
      .executeTakeFirstOrThrow();
  const { row } = await createOnce(files.db, once, insert, async (id) => ({ id }));
  return getUpload(files, projectId, row.id);
}

/** Throws `upload_not_found`. */
export async function getUpload(files: Pick<Files, 'db'>, projectId: string, id: string): Promise<UploadRow> {
  const row = await files.db
    .selectFrom('uploads')
    .selectAll()
    .select(sql<UploadRow['status']>`case when state = 'pending' and expires_at <= now() then 'expired' else state end`.as('status'))
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row) return row;
  throw new PlatformError('upload_not_found', `there is no upload ${JSON.stringify(id)} in this project: begin one with POST /v1/uploads`);
}

/** A part with the bytes of an earlier one is that part: whoever lost an answer sends it again. Throws `invalid_state`, `invalid_request`. */
export async function addPart(files: Files, projectId: string, uploadId: string, body: Readable): Promise<UploadPartRow> {
  const upload = requirePending(await getUpload(files, projectId, uploadId));
  const id = newId('part_');
  const object_key = `uploads/${id}`;
  const { bytes, sha256 } = await files.objects.put(object_key, body, upload.bytes);
  try {
    if (bytes === 0) throw new PlatformError('invalid_request', 'data: is empty', { param: 'data' });
    const part = await files.db.transaction().execute(async (db) => {
      // One part after the other: together they never hold more than the file will.
      await db.selectFrom('uploads').select('id').where('id', '=', uploadId).forUpdate().executeTakeFirst();
      requirePending(await getUpload({ db }, projectId, uploadId));
      const stored = await partsOf(db, uploadId);
      const same = stored.find((one) => one.sha256 === sha256 && one.bytes === bytes);
      if (same) return same;
      requireRoom(upload, stored, bytes);
      const values = { id, upload_id: uploadId, bytes, sha256, object_key };
      return db.insertInto('upload_parts').values(values).returningAll().executeTakeFirstOrThrow();
    });
    if (part.id !== id) await files.objects.delete(object_key);
    return part;
  } catch (error) {
    await dropUnstored(files, object_key, error);
    throw error;
  }
}

/**
 * The parts, in this order, become a file; the same completion again gives it again. Throws `invalid_request` when bytes or md5 are not
 * as announced: then the upload goes on.
 */
export async function completeUpload(
  files: Files,
  projectId: string,
  uploadId: string,
  { part_ids, md5 }: UploadCompleteRequest,
): Promise<{ upload: UploadRow; file: FileRow }> {
  const upload = await getUpload(files, projectId, uploadId);
  if (upload.status !== 'completed') {
    const parts = orderedParts(await partsOf(files.db, requirePending(upload).id), part_ids);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    if (bytes !== upload.bytes) {
      throw new PlatformError('invalid_request', `part_ids: these parts have ${bytes} bytes, and the upload is of ${upload.bytes}`, {
        param: 'part_ids',
      });
    }
    const file = {
      filename: upload.filename,
      purpose: upload.purpose as StoredPurpose,
      body: Readable.from(bytesOf(files, parts, md5)),
      ...(upload.file_lifetime_seconds !== null && { expiresAfterSeconds: upload.file_lifetime_seconds }),
    };
    await createFile(files, projectId, file, { also: (db, { id }) => markCompleted(db, uploadId, id, part_ids) }).catch(
      async (error: unknown) => {
        // Another completion was quicker: its file is the file.
        if ((await getUpload(files, projectId, uploadId)).status !== 'completed') throw error;
      },
    );
    await dropParts(files, uploadId);
  }
  const done = await getUpload(files, projectId, uploadId);
  if (done.status !== 'completed' || JSON.stringify(done.part_ids) !== JSON.stringify(part_ids)) throw notPending(done);
  return { upload: done, file: await getFile(files, projectId, done.file_id!) };
}

/** Its parts are deleted at once. A second time it changes nothing. Throws `invalid_state` when it is completed. */
export async function cancelUpload(files: Files, projectId: string, uploadId: string): Promise<UploadRow> {
  await getUpload(files, projectId, uploadId);
  await files.db.updateTable('uploads').set({ state: 'cancelled' }).where('id', '=', uploadId).where('state', '=', 'pending').execute();
  const upload = await getUpload(files, projectId, uploadId);
  if (upload.status !== 'cancelled') throw notPending(upload);
  await dropParts(files, uploadId);
  return upload;
}

/** Deletes the parts of uploads that are over, of all projects; returns how many uploads still had some. */
export async function deleteOverParts(files: Files): Promise<number> {
  const over = await files.db
    .selectFrom('uploads')
    .select('id')
    .where((where) => where.or([where('state', '<>', 'pending'), where('expires_at', '<=', sql<Date>`now()`)]))
    .where('id', 'in', (part) => part.selectFrom('upload_parts').select('upload_id'))
    .execute();
  for (const { id } of over) await dropParts(files, id);
  return over.length;
}

async function markCompleted(db: Kysely<Tables>, uploadId: string, fileId: string, partIds: string[]): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('uploads')
    .set({ state: 'completed', file_id: fileId, part_ids: JSON.stringify(partIds) })
    .where('id', '=', uploadId)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new PlatformError('invalid_state', `upload ${uploadId} is not pending any more`);
}

/** The bytes go first: a row without bytes is found by the next sweep, bytes without a row by none. */
async function dropParts(files: Files, uploadId: string): Promise<void> {
  for (const part of await partsOf(files.db, uploadId)) {
    await files.objects.delete(part.object_key);
    await files.db.deleteFrom('upload_parts').where('id', '=', part.id).execute();
  }
}

function partsOf(db: Kysely<Tables>, uploadId: string): Promise<UploadPartRow[]> {
  return db.selectFrom('upload_parts').selectAll().where('upload_id', '=', uploadId).execute();
}

function orderedParts(stored: UploadPartRow[], ids: string[]): UploadPartRow[] {
  const byId = new Map(stored.map((part) => [part.id, part]));
  return ids.map((id) => {
    const part = byId.get(id);
    if (part) return part;
    throw new PlatformError('invalid_request', `part_ids: the upload has no part ${JSON.stringify(id)}`, { param: 'part_ids' });
  });
}

/** Throws at the end when the bytes are not those of the md5: then nothing of them is kept. */
async function* bytesOf(files: Files, parts: UploadPartRow[], md5: string | undefined): AsyncIterable<Buffer> {
  const hash = createHash('md5');
  for (const { object_key } of parts) {
    for await (const piece of await files.objects.get(object_key)) {
      hash.update(piece as Buffer);
      yield piece as Buffer;
    }
  }
  const found = hash.digest('hex');
  if (md5 === undefined || md5.toLowerCase() === found) return;
  const message = `md5: the parts in this order have ${found}, not ${md5}; send the part that differs again`;
  throw new PlatformError('invalid_request', message, { param: 'md5' });
}

function requireRoom(upload: UploadRow, stored: UploadPartRow[], bytes: number): void {
  const held = stored.reduce((sum, part) => sum + part.bytes, 0);
  if (held + bytes <= upload.bytes) return;
  const message = `data: a part of ${bytes} bytes does not fit: ${held} of ${upload.bytes} bytes are there. Complete the upload, or cancel it and begin again`;
  throw new PlatformError('invalid_request', message, { param: 'data' });
}

function requirePending(upload: UploadRow): UploadRow {
  if (upload.status === 'pending') return upload;
  throw notPending(upload);
}

function notPending({ id, status, file_id }: UploadRow): PlatformError {
  const what = status === 'completed' ? `completed, as file ${file_id}` : `${status}: begin another with POST /v1/uploads`;
  return new PlatformError('invalid_state', `upload ${id} is ${what}`, { param: 'upload_id' });
}
