/** /v1/models: everything that answers now, base models, tuned ones and their checkpoints. */
import { Model, ModelDeleted, ModelList } from '#contract/openai/models.ts';
import { forgetVersion, resolveVersion } from '#platform/chat/resolve-version.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { listAliases } from '#platform/models/aliases.ts';
import { baseModelState } from '#platform/models/base-models.ts';
import { deleteVersion, listVersions } from '#platform/models/versions.ts';
import { z } from 'zod';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { viewAliasModel, viewBaseModel, viewUpstreamModel, viewVersion } from '../../views.ts';

const tags = ['models'];
const params = z.object({ model: z.string() });

export const modelRoutes: RouteGroup = (server, rooms) => {
  const list = { tags, summary: 'List the models that answer', response: { 200: ModelList } };
  server.get('/v1/models', { schema: list }, async (request) => {
    return { object: 'list' as const, data: await servedModels(rooms, request.caller.projectId) };
  });

  const retrieve = { tags, summary: 'Look at a model', params, response: { 200: Model } };
  server.get('/v1/models/:model', { schema: retrieve }, async (request) => {
    const { projectId } = request.caller;
    const { model } = request.params;
    const found = (await servedModels(rooms, projectId)).find(({ id }) => id === model);
    if (found) return found;
    // Says best why there is no such model: unknown, deleted, or not pulled yet.
    await resolveVersion(rooms.chat, projectId, model);
    throw new PlatformError('model_not_found', `There is no model "${model}" here; GET /v1/models lists those that answer.`, {
      param: 'model',
    });
  });

  const remove = { tags, summary: 'Delete a tuned model or a checkpoint', params, response: { 200: ModelDeleted } };
  server.delete('/v1/models/:model', { schema: remove }, async (request) => {
    const { projectId } = request.caller;
    const { model } = request.params;
    if (rooms.baseModels.catalog.some(({ id }) => id === model)) {
      throw new PlatformError('permission_denied', `"${model}" is a base model; only tuned models and checkpoints can be deleted.`, {
        param: 'model',
      });
    }
    await deleteVersion(rooms.versions, projectId, model);
    forgetVersion(rooms.chat, projectId, model);
    await rooms.exporter.removeAll(projectId, model);
    for (const engine of rooms.engines.all) await engine.unload(model);
    return { id: model, object: 'model' as const, deleted: true as const };
  });
};

async function servedModels(rooms: Rooms, projectId: string): Promise<Model[]> {
  const ready = rooms.baseModels.catalog.filter(({ id }) => baseModelState(rooms.baseModels, id) === 'ready');
  const versions = await listVersions(rooms.versions, projectId);
  const models = [...ready.map(({ id }) => viewBaseModel(id)), ...versions.map(viewVersion)];
  const aliases = (await listAliases(rooms.versions, projectId)).flatMap((alias) => {
    const target = models.find(({ id }) => id === alias.model);
    return target ? [viewAliasModel(alias, target)] : [];
  });
  return [...models, ...aliases, ...(await upstreamModels(rooms))];
}

async function upstreamModels({ engines }: Rooms): Promise<Model[]> {
  const lists = [...engines.upstreams].map(async ([name, engine]) => ((await engine.models?.()) ?? []).map((id) => `${name}/${id}`));
  return (await Promise.all(lists)).flat().map(viewUpstreamModel);
}
