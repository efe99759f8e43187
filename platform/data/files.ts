/** Uploaded files and the files a run leaves: rows of a project, their bytes in the object store. */
import type { Readable } from 'node:stream';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { z } from 'zod';
import type { FilePurpose } from '#contract/openai/files.ts';
import { terminalStates } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { ObjectStore } from '#platform/storage/object-store.ts';
import type { FileTable, Tables } from '#platform/storage/tables.ts';

export interface Files {
  db: Kysely<Tables>;
  objects: ObjectStore;
  maxUploadBytes: number;
}

export type FileRow = Selectable<FileTable>;

/** What an upload may say it is for, and what the platform itself writes. */
export type StoredPurpose = z.output<typeof FilePurpose> | 'fine-tune-results';

export interface NewFile {
  /** As the caller names it; shown, never used as a path. */
  filename: string;
  purpose: StoredPurpose;
  body: Readable;
  /** 1 hour to 30 days; never when left out. */
  expiresAfterSeconds?: number;
}

/**
 * Stores the bytes, then the row: what is returned survives a crash. Throws `payload_too_large`, `disk_full`, and `invalid_request`
 * for an empty file; then nothing is left of it.
 */
export async function createFile(files: Files, projectId: string, file: NewFile): Promise<FileRow> {
  const lifetime = file.expiresAfterSeconds;
  if (lifetime !== undefined && !(lifetime >= 3600 && lifetime <= 30 * 86_400)) {
    throw new PlatformError('invalid_request', `a file may expire after 3600 to 2592000 seconds, not ${lifetime}`, {
      param: 'expires_after[seconds]',
    });
  }
  const id = newId('file-');
  const object_key = `files/${id}`;
  const { bytes, sha256 } = await files.objects.put(object_key, file.body, files.maxUploadBytes);
  try {
    if (bytes === 0) throw new PlatformError('invalid_request', `${displayName(file.filename)} is empty`, { param: 'file' });
    const expires_at = lifetime === undefined ? null : sql<Date>`now() + make_interval(secs => ${lifetime})`;
    return await files.db
      .insertInto('files')
      .values({
        id,
        project_id: projectId,
        filename: displayName(file.filename),
        purpose: file.purpose,
        bytes,
        sha256,
        object_key,
        expires_at,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  } catch (error) {
    await files.objects.delete(object_key);
    throw error;
  }
}

/** Throws `file_not_found`: unknown, expired and of another project are the same to a caller. */
export async function getFile(files: Files, projectId: string, id: string): Promise<FileRow> {
  const row = await living(files, projectId).selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound(id);
  return row;
}

export interface ListFilesQuery {
  purpose?: string;
  /** Id of the last file of the page before. */
  after?: string;
  limit: number;
  /** By time of creation. */
  order: 'asc' | 'desc';
}

export async function listFiles(files: Files, projectId: string, query: ListFilesQuery): Promise<{ data: FileRow[]; hasMore: boolean }> {
  let rows = living(files, projectId)
    .selectAll()
    .orderBy('created_at', query.order)
    .orderBy('id', query.order)
    .limit(query.limit + 1);
  if (query.purpose !== undefined) rows = rows.where('purpose', '=', query.purpose);
  if (query.after !== undefined) {
    await getFile(files, projectId, query.after).catch((error: PlatformError) => {
      throw error.code === 'file_not_found' ? new PlatformError('file_not_found', error.message, { param: 'after' }) : error;
    });
    // Compared in the database: its times are finer than a Date.
    const last = sql`(select created_at, id from files where id = ${query.after})`;
    rows = rows.where(query.order === 'asc' ? sql<boolean>`(created_at, id) > ${last}` : sql<boolean>`(created_at, id) < ${last}`);
  }
  const data = await rows.execute();
  return { data: data.slice(0, query.limit), hasMore: data.length > query.limit };
}

/**
 * The row goes first: bytes without a row are garbage, a row without bytes would be a lie. Throws `file_not_found`; `invalid_state`
 * while a run that is not over needs the file, also for another attempt.
 */
export async function deleteFile(files: Files, projectId: string, id: string): Promise<void> {
  const row = await getFile(files, projectId, id);
  const user = await files.db
    .selectFrom('runs')
    .select('id')
    .where('state', 'not in', [...terminalStates])
    .where((where) => where.or([where('training_file', '=', id), where('validation_file', '=', id)]))
    .executeTakeFirst();
  if (user) {
    throw new PlatformError('invalid_state', `file ${id} is needed by the run ${user.id}: cancel the run, or wait until it is over`, {
      param: 'file_id',
    });
  }
  await files.db.deleteFrom('files').where('id', '=', id).where('project_id', '=', projectId).execute();
  await files.objects.delete(row.object_key);
  await files.objects.delete(`converted/${id}`);
}

/** The bytes, from the first to the last. */
export async function openFile(files: Files, projectId: string, id: string): Promise<Readable> {
  return files.objects.get((await getFile(files, projectId, id)).object_key);
}

/** Absolute path for a worker on this machine. */
export async function localPath(files: Files, projectId: string, id: string): Promise<string> {
  const row = await getFile(files, projectId, id);
  const path = files.objects.path(row.object_key);
  if (path === null) throw new Error('the object store keeps its files elsewhere: a worker cannot read them by path');
  return path;
}

/** Deletes what has expired, of all projects; returns how many files that were. */
export async function deleteExpiredFiles(files: Files): Promise<number> {
  const rows = await files.db
    .deleteFrom('files')
    .where('expires_at', '<=', sql<Date>`now()`)
    .returning(['id', 'object_key'])
    .execute();
  for (const row of rows) for (const key of [row.object_key, `converted/${row.id}`]) await files.objects.delete(key);
  return rows.length;
}

function living(files: Files, projectId: string) {
  return files.db
    .selectFrom('files')
    .where('project_id', '=', projectId)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]));
}

function notFound(id: string): PlatformError {
  return new PlatformError('file_not_found', `there is no file ${JSON.stringify(id)} in this project: list yours with GET /v1/files`);
}

/** The last part of a path, without control characters and without those that turn the direction of writing; at most 255. */
function displayName(filename: string): string {
  const name = filename
    .split(/[/\\]/)
    .at(-1)!
    .replace(/[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '')
    .trim();
  return [...name].slice(0, 255).join('') || 'file';
}
