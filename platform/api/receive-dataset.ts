/** Reads a file from a multipart form straight into a dataset: no uploaded file is left of it. */
import type { FastifyRequest } from 'fastify';
import { DatasetUpload } from '#contract/datasets.ts';
import type { DatasetVersionRow } from '#platform/data/datasets.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';
import type { Files } from '#platform/data/files.ts';
import { importPath } from '#platform/data/import-dataset.ts';
import { parseRequest } from './check-request.ts';
import { receiveForm } from './receive-upload.ts';

/** Throws `invalid_request`, `payload_too_large`, `disk_full`, `unsupported_media_type`. */
export async function receiveDataset(files: Files, folder: string, request: FastifyRequest): Promise<DatasetVersionRow> {
  return receiveForm(request, folder, 'file', async ({ filename, waiting, fields }) => {
    const options = parseRequest(DatasetUpload, fields);
    const origin = { filename, file_sha256: await fileSha256(waiting) };
    return importPath(files, request.caller.projectId, waiting, origin, options);
  });
}
