/** /v1/files: upload, list, look at, read and delete. */
import { FileDeleted, FileList, FileListQuery, FileObject } from '#contract/openai/files.ts';
import { deleteFile, getFile, listFiles, openFile } from '#platform/data/files.ts';
import { join } from 'node:path';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { listPage } from '../../list-page.ts';
import { receiveUpload } from '../../receive-upload.ts';
import { viewFile } from '../../views.ts';

const tags = ['files'];
const params = z.object({ file_id: z.string() });

export const fileRoutes: RouteGroup = (server, { files, config }) => {
  const upload = {
    tags,
    summary: 'Upload a file (multipart form: file, purpose, expires_after[anchor], expires_after[seconds])',
    consumes: ['multipart/form-data'],
    response: { 200: FileObject },
  };
  server.post('/v1/files', { schema: upload }, async (request) =>
    viewFile(await receiveUpload(files, join(config.data, 'uploads'), request)),
  );

  const list = { tags, summary: 'List files, newest first', querystring: FileListQuery, response: { 200: FileList } };
  server.get('/v1/files', { schema: list }, async (request) => {
    const { data, hasMore } = await listFiles(files, request.caller.projectId, request.query);
    return listPage(data.map(viewFile), hasMore);
  });

  const retrieve = { tags, summary: 'Look at a file', params, response: { 200: FileObject } };
  server.get('/v1/files/:file_id', { schema: retrieve }, async (request) =>
    viewFile(await getFile(files, request.caller.projectId, request.params.file_id)),
  );

  const remove = { tags, summary: 'Delete a file', params, response: { 200: FileDeleted } };
  server.delete('/v1/files/:file_id', { schema: remove }, async (request) => {
    const id = request.params.file_id;
    await deleteFile(files, request.caller.projectId, id);
    return { id, object: 'file' as const, deleted: true as const };
  });

  const content = { tags, summary: 'The bytes of a file', params };
  server.get('/v1/files/:file_id/content', { schema: content }, async (request, reply) => {
    const id = request.params.file_id;
    const { bytes } = await getFile(files, request.caller.projectId, id);
    return reply
      .type('application/octet-stream')
      .header('content-length', bytes)
      .send(await openFile(files, request.caller.projectId, id));
  });
};
