/** Uploaded files and the files a run leaves: rows of a project, their bytes in the object store. */
import type { Readable } from 'node:stream';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { z } from 'zod';
import type { FilePurpose } from '#contract/openai/files.ts';
import { terminalStates } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { failpoint } from '#platform/core/failpoint.ts';
import { newId } from '#platform/core/ids.ts';
import { createOnce } from '#platform/storage/create-once.ts';
import { isDatabaseDown } from '#platform/storage/database.ts';
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

export interface CreateFileOptions {
  /** The same key with the same file is the same file again. */
  idempotencyKey?: string | undefined;
  /** Written with the row of the file, or not at all. */
  also?: (db: Kysely<Tables>, file: FileRow) => Promise<void>;
}

/**
 * Stores the bytes, then the row: what is returned survives a crash. Throws `payload_too_large`, `disk_full`, `invalid_request`
 * for an empty file, and `idempotency_mismatch`; then nothing is left of it.
 */
export async function createFile(files: Files, projectId: string, file: NewFile, options: CreateFileOptions = {}): Promise<FileRow> {
  const lifetime = file.expiresAfterSeconds;
  if (lifetime !== undefined && !(lifetime >= 3600 && lifetime <= 30 * 86_400)) {
    throw new PlatformError('invalid_request', `a file may expire after 3600 to 2592000 seconds, not ${lifetime}`, {
      param: 'expires_after[seconds]',
    });
  }
  const id = newId('file-');
  const object_key = `files/${id}`;
  const filename = displayName(file.filename);
  const { bytes, sha256 } = await files.objects.put(object_key, file.body, files.maxUploadBytes);
  const insert = async (db: Kysely<Tables>): Promise<FileRow> => {
    const expires_at = lifetime === undefined ? null : sql<Date>`now() + make_interval(secs => ${lifetime})`;
    const values = { id, project_id: projectId, filename, purpose: file.purpose, bytes, sha256, object_key, expires_at };
    const row = await db.insertInto('files').values(values).returningAll().executeTakeFirstOrThrow();
    await options.also?.(db, row);
    failpoint('file-before-commit');
    return row;
  };
  try {
    if (bytes === 0) throw new PlatformError('invalid_request', `${filename} is empty`, { param: 'file' });
    const key = options.idempotencyKey;
    const request = { filename, purpose: file.purpose, sha256, lifetime };
    const once = key === undefined ? null : { projectId, resource: 'file' as const, key, request };
    const { row, isNew } = await createOnce(files.db, once, insert, (made) => getFile(files, projectId, made));
    failpoint('file-after-commit');
    if (!isNew) await files.objects.delete(object_key);
    return row;
  } catch (error) {
    await dropUnstored(files, object_key, error);
    throw error;
  }
}

/**
 * After a row could not be stored: its bytes go, unless the database went away. Then the commit may have happened and only its answer was
 * lost: bytes without a row are garbage, a row without bytes would be a lie.
 */
export async function dropUnstored(files: Files, objectKey: string, error: unknown): Promise<void> {
  if (!isDatabaseDown(error)) await files.objects.delete(objectKey);
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
export function displayName(filename: string): string {
  const name = filename
    .split(/[/\\]/)
    .at(-1)!
    .replace(/[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '')
    .trim();
  return [...name].slice(0, 255).join('') || 'file';
}
