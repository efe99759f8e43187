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
import { idempotencyKeyOf } from './idempotency-key.ts';

export interface Received {
  /** As the client names it. */
  filename: string;
  /** Path of its bytes; gone once the form has been dealt with. */
  waiting: string;
  /** The other parts of the form. */
  fields: unknown;
}

/** The file of `POST /v1/files`. Throws `invalid_request`, `payload_too_large`, `disk_full`, `idempotency_mismatch`. */
export async function receiveUpload(files: Files, folder: string, request: FastifyRequest): Promise<FileRow> {
  return receiveForm(request, folder, 'file', ({ filename, waiting, fields }) => {
    const { purpose, expires_after } = parseRequest(FileUploadRequest, fields);
    const expiry = expires_after && { expiresAfterSeconds: expires_after.seconds };
    const file = { filename, purpose, body: createReadStream(waiting), ...expiry };
    return createFile(files, request.caller.projectId, file, { idempotencyKey: idempotencyKeyOf(request) });
  });
}

/**
 * Clients send the parts of a form in any order, and the purpose often after the file: so the file, the part called `name`, waits in
 * `folder` until the whole form is there. Throws `unsupported_media_type`, `invalid_request`, `payload_too_large`, and what `use` throws.
 */
export async function receiveForm<Made>(
  request: FastifyRequest,
  folder: string,
  name: string,
  use: (received: Received) => Promise<Made>,
): Promise<Made> {
  if (!request.isMultipart()) {
    throw new PlatformError('unsupported_media_type', `This route takes multipart/form-data with a part "${name}".`);
  }
  await mkdir(folder, { recursive: true });
  const waiting = join(folder, newId('upload-'));
  try {
    const { filename, fields } = await readForm(request, name, waiting);
    if (filename === null) {
      throw new PlatformError('invalid_request', `${name}: is missing; send it as a part of the form`, { param: name });
    }
    return await use({ filename, waiting, fields });
  } finally {
    await rm(waiting, { force: true });
  }
}

/** `filename` is null when the form has no part called `name`. */
async function readForm(request: FastifyRequest, name: string, waiting: string): Promise<{ filename: string | null; fields: unknown }> {
  const fields = new URLSearchParams();
  let filename: string | null = null;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      fields.append(part.fieldname, String(part.value));
    } else if (part.fieldname === name) {
      filename = part.filename || 'upload.jsonl';
      await pipeline(part.file, createWriteStream(waiting));
    } else {
      part.file.resume();
    }
  }
  return { filename, fields: parseQuery(fields.toString()) };
}
