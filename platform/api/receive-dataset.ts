/** Reads a file from a multipart form straight into a dataset: no uploaded file is left of it. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { DatasetUpload } from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { DatasetVersionRow } from '#platform/data/datasets.ts';
import { fileSha256 } from '#platform/data/file-sha256.ts';
import type { Files } from '#platform/data/files.ts';
import { importPath } from '#platform/data/import-dataset.ts';
import { parseRequest } from './check-request.ts';
import { readForm } from './receive-upload.ts';

/** Throws `invalid_request`, `payload_too_large`, `disk_full`, `unsupported_media_type`. */
export async function receiveDataset(files: Files, folder: string, request: FastifyRequest): Promise<DatasetVersionRow> {
  if (!request.isMultipart()) {
    throw new PlatformError('unsupported_media_type', 'This route takes multipart/form-data with the parts "file" and "name".');
  }
  await mkdir(folder, { recursive: true });
  const waiting = join(folder, newId('upload-'));
  try {
    const { filename, fields } = await readForm(request, waiting);
    if (filename === null) throw new PlatformError('invalid_request', 'file: is missing; send it as a part of the form', { param: 'file' });
    const options = parseRequest(DatasetUpload, fields);
    const origin = { filename, file_sha256: await fileSha256(waiting) };
    return await importPath(files, request.caller.projectId, waiting, origin, options);
  } finally {
    await rm(waiting, { force: true });
  }
}
