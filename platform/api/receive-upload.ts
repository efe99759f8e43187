/** Reads an uploaded file from a multipart form; it is never whole in memory. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileUploadRequest } from '#contract/openai/files.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import { createFile, type FileRow, type Files } from '#platform/data/files.ts';
import type { FastifyRequest } from 'fastify';
import { parse as parseQuery } from 'qs';
import { parseRequest } from './check-request.ts';

export interface Received {
  /** Null when the form had no part called "file". */
  filename: string | null;
  fields: unknown;
}

/**
 * Clients send the parts in any order, and the purpose often after the file: so the file waits in `folder` until the whole form is
 * there. Throws `invalid_request`, `payload_too_large`, `disk_full`.
 */
export async function receiveUpload(files: Files, folder: string, request: FastifyRequest): Promise<FileRow> {
  if (!request.isMultipart()) {
    throw new PlatformError('unsupported_media_type', 'This route takes multipart/form-data with the parts "file" and "purpose".');
  }
  await mkdir(folder, { recursive: true });
  const waiting = join(folder, newId('upload-'));
  try {
    const { filename, fields } = await readForm(request, waiting);
    if (filename === null) throw new PlatformError('invalid_request', 'file: is missing; send it as a part of the form', { param: 'file' });
    const { purpose, expires_after } = parseRequest(FileUploadRequest, fields);
    return await createFile(files, request.caller.projectId, {
      filename,
      purpose,
      body: createReadStream(waiting),
      ...(expires_after && { expiresAfterSeconds: expires_after.seconds }),
    });
  } finally {
    await rm(waiting, { force: true });
  }
}

/** The fields of the form; the part called "file" is written to the path `waiting`. */
export async function readForm(request: FastifyRequest, waiting: string): Promise<Received> {
  const fields = new URLSearchParams();
  let filename: string | null = null;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      fields.append(part.fieldname, String(part.value));
    } else if (part.fieldname === 'file') {
      filename = part.filename || 'upload.jsonl';
      await pipeline(part.file, createWriteStream(waiting));
    } else {
      part.file.resume();
    }
  }
  return { filename, fields: parseQuery(fields.toString()) };
}
