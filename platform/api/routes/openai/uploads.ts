/** /v1/uploads: begin an upload, add its parts, complete or cancel it. */
import { Upload, UploadCompleteRequest, UploadPart, UploadRequest } from '#contract/openai/uploads.ts';
import { addPart, cancelUpload, completeUpload, createUpload } from '#platform/data/uploads.ts';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { receiveForm } from '../../receive-upload.ts';
import { viewUpload, viewUploadPart } from '../../views.ts';

const tags = ['files'];
const params = z.object({ upload_id: z.string() });
const response = { 200: Upload };

export const uploadRoutes: RouteGroup = (server, { files, config }) => {
  const create = { tags, summary: 'Begin the upload of a file in parts', body: UploadRequest, response };
  server.post('/v1/uploads', { schema: create }, async (request) =>
    viewUpload(await createUpload(files, request.caller.projectId, request.body, idempotencyKeyOf(request)), null),
  );

  const add = {
    tags,
    summary: 'Add a part (multipart form: data); sent again, it is the same part',
    params,
    consumes: ['multipart/form-data'],
    response: { 200: UploadPart },
  };
  server.post('/v1/uploads/:upload_id/parts', { schema: add }, (request) =>
    receiveForm(request, join(config.data, 'uploads'), 'data', async ({ waiting }) =>
      viewUploadPart(await addPart(files, request.caller.projectId, request.params.upload_id, createReadStream(waiting))),
    ),
  );

  const complete = { tags, summary: 'Make the parts a file', params, body: UploadCompleteRequest, response };
  server.post('/v1/uploads/:upload_id/complete', { schema: complete }, async (request) => {
    const { upload, file } = await completeUpload(files, request.caller.projectId, request.params.upload_id, request.body);
    return viewUpload(upload, file);
  });

  const cancel = { tags, summary: 'Cancel an upload and delete its parts', params, response };
  server.post('/v1/uploads/:upload_id/cancel', { schema: cancel }, async (request) =>
    viewUpload(await cancelUpload(files, request.caller.projectId, request.params.upload_id), null),
  );
};
