/** GET /openapi.json: every route of this server, for people and for generators of clients. */
import type { RouteGroup } from '../../api-server.ts';

export const openapiRoutes: RouteGroup = (server) => {
  let document: string | undefined;
  server.get('/openapi.json', { schema: { tags: ['server'], summary: 'This document' } }, async (_request, reply) => {
    document ??= JSON.stringify(server.swagger());
    return reply.type('application/json; charset=utf-8').send(document);
  });
};
