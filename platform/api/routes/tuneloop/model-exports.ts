/** /api/v1/models/{id}/exports: a model in forms that other programs load, made in the background and read file by file. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { ExportForm, ModelExport, ModelExportDeleted, ModelExportList, ModelExportRequest } from '#contract/model-export.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { FoundExport } from '#platform/exports/exporter.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { unixSeconds } from '../../list-page.ts';

const tags = ['models'];
const params = z.object({ model: z.string() });
const formParams = params.extend({ form: ExportForm });
const fileParams = formParams.extend({ path: z.string() });

export const modelExportRoutes: RouteGroup = (server, { exporter }) => {
  const create = {
    tags,
    summary: 'Export a model; what is there already, or under way, is answered as it is',
    params,
    body: ModelExportRequest,
    response: { 202: ModelExport },
  };
  server.post('/api/v1/models/:model/exports', { schema: create }, async (request, reply) => {
    const found = await exporter.start(request.caller.projectId, request.params.model, request.body.form);
    return reply.code(202).send(viewExport(found));
  });

  const list = { tags, summary: 'List the exports of a model', params, response: { 200: ModelExportList } };
  server.get('/api/v1/models/:model/exports', { schema: list }, async (request) => {
    const found = await exporter.list(request.caller.projectId, request.params.model);
    return { object: 'list' as const, data: found.map(viewExport) };
  });

  const retrieve = { tags, summary: 'Look at an export', params: formParams, response: { 200: ModelExport } };
  server.get('/api/v1/models/:model/exports/:form', { schema: retrieve }, async (request) =>
    viewExport(await exporter.get(request.caller.projectId, request.params.model, request.params.form)),
  );

  const remove = {
    tags,
    summary: 'Remove an export; one that is under way is ended',
    params: formParams,
    response: { 200: ModelExportDeleted },
  };
  server.delete('/api/v1/models/:model/exports/:form', { schema: remove }, async (request) => {
    const { model, form } = request.params;
    await exporter.remove(request.caller.projectId, model, form);
    return { object: 'model.export' as const, model, form, deleted: true as const };
  });

  const content = { tags, summary: 'The bytes of a file of an export', params: fileParams };
  server.get('/api/v1/models/:model/exports/:form/files/:path', { schema: content }, async (request, reply) => {
    const { model, form, path } = request.params;
    const { folder, manifest } = await exporter.get(request.caller.projectId, model, form);
    // Only what the manifest vouches for: no other path leads anywhere.
    const file = manifest?.files.find((one) => one.path === path);
    if (!folder || !file)
      throw new PlatformError('file_not_found', `The ${form} export of "${model}" has no file ${JSON.stringify(path)}.`);
    return reply
      .type('application/octet-stream')
      .header('content-length', file.size)
      .send(createReadStream(join(folder, file.path)));
  });
};

function viewExport({ row, progress, folder, manifest }: FoundExport): ModelExport {
  const files = manifest?.files ?? [];
  return {
    object: 'model.export',
    model: row.model_id,
    form: row.form,
    state: row.state,
    progress,
    failure: row.failure,
    created_at: unixSeconds(row.created_at),
    finished_at: row.finished_at && unixSeconds(row.finished_at),
    path: folder,
    bytes: manifest && files.reduce((sum, { size }) => sum + size, 0),
    files,
  };
}
