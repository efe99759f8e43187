/** /api/v1/aliases: names that stand for a version; promoting one, going back, and what it stood for before. */
import { Alias, AliasDeleted, AliasList, aliasName, AliasRequest } from '#contract/alias.ts';
import { promoteAlias, undoPromotion } from '#platform/chat/promote-alias.ts';
import { forgetVersion } from '#platform/chat/resolve-version.ts';
import { deleteAlias, getAlias, listAliases } from '#platform/models/aliases.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { parseRequest } from '../../check-request.ts';
import { viewAlias } from '../../views.ts';

const tags = ['models'];
const params = z.object({ name: aliasName });
const Rollback = AliasRequest.pick({ reason: true }).nullish();

export const aliasRoutes: RouteGroup = (server, { chat, versions }) => {
  const list = { tags, summary: 'List the aliases with their history', response: { 200: AliasList } };
  server.get('/api/v1/aliases', { schema: list }, async (request) => {
    const data = (await listAliases(versions, request.caller.projectId)).map(viewAlias);
    return { object: 'list' as const, data, has_more: false as const };
  });

  const retrieve = { tags, summary: 'Look at an alias and its history', params, response: { 200: Alias } };
  server.get('/api/v1/aliases/:name', { schema: retrieve }, async (request) =>
    viewAlias(await getAlias(versions, request.caller.projectId, request.params.name)),
  );

  const put = { tags, summary: 'Point an alias at a version, which is loaded first', params, body: AliasRequest, response: { 200: Alias } };
  server.put('/api/v1/aliases/:name', { schema: put }, async (request) => {
    const { model, reason } = request.body;
    const change = { name: request.params.name, model, reason: reason ?? null };
    return viewAlias(await promoteAlias(chat, request.caller.projectId, change));
  });

  const rollback = { tags, summary: 'Go back to what answered before', params, response: { 200: Alias } };
  server.post('/api/v1/aliases/:name/rollback', { schema: rollback }, async (request) => {
    const reason = parseRequest(Rollback, request.body ?? null)?.reason ?? null;
    return viewAlias(await undoPromotion(chat, request.caller.projectId, { name: request.params.name, reason }));
  });

  const remove = { tags, summary: 'Delete an alias; what it stood for stays', params, response: { 200: AliasDeleted } };
  server.delete('/api/v1/aliases/:name', { schema: remove }, async (request) => {
    const { projectId } = request.caller;
    const { name } = request.params;
    await deleteAlias(versions, projectId, name);
    forgetVersion(chat, projectId, name);
    return { object: 'alias' as const, name, deleted: true as const };
  });
};
