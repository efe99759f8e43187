/** The HTTP door: one Fastify server with the rules that hold for every route, and the table of routes. */
import { join } from 'node:path';
import { newId } from '#platform/core/ids.ts';
import type { App } from '#platform/app.ts';
import { defaultModel, projectRoot, type Config } from '#platform/config.ts';
import { openChat } from '#platform/chat/chat.ts';
import multipart from '@fastify/multipart';
import websocket from '@fastify/websocket';
import fastify, { LogController } from 'fastify';
import { parse as parseQuery } from 'qs';
import { answerError } from './answer-error.ts';
import { answerClientError } from './answer-client-error.ts';
import type { ApiServer, Rooms } from './api-server.ts';
import { requireKeys } from './auth.ts';
import { checkRequest } from './check-request.ts';
import { closeInOrder } from './close-in-order.ts';
import { allowOrigins } from './cors.ts';
import { openDashboard } from './dashboard.ts';
import { describeRoutes } from './describe-routes.ts';
import { parseJsonBodies } from './json-body.ts';
import { routeGroups } from './routes/index.ts';
import { answerUnknownRoutes } from './unknown-route.ts';

const mebibyte = 1 << 20;
/** Enough for a prompt as long as any context here, as token ids or text. */
const mostBodyBytes = 8 * mebibyte;
const mostSocketMessageBytes = mebibyte;

/** Ready to listen, or to be asked with `.inject`. `dashboardFolder` is where the built dashboard is. */
export async function openServer(app: App, dashboardFolder: string = join(projectRoot, 'web', 'dist')): Promise<ApiServer> {
  const server = createServer(app);
  server.addHook('onRequest', (request, reply, next) => {
    void reply.header('x-request-id', request.id);
    next();
  });
  const { draining, closing } = closeInOrder(server);
  const chat = openChat({
    versions: app.versions,
    metrics: app.metrics,
    engineOf: (entry, served) => app.engines.of(entry, served),
    upstreams: app.engines.upstreams,
    defaultModel: defaultModel(app.config),
  });
  const rooms: Rooms = { ...app, chat, draining, closing };

  const dashboard = openDashboard(dashboardFolder);
  allowOrigins(server, app.config.cors_origins);
  await server.register(websocket, { options: { maxPayload: mostSocketMessageBytes }, preClose: (done) => done() });
  requireKeys(server, rooms, dashboard);
  server.addHook('preHandler', (request, _reply, next) => {
    // From here on it is us who may be slow, not the client; an upload is still coming in.
    if (!request.headers['content-type']?.startsWith('multipart/')) request.raw.socket.setTimeout(0);
    next();
  });
  await server.register(multipart, { limits: { files: 1, fields: 20, fileSize: app.config.max_upload_mb * mebibyte } });
  parseJsonBodies(server);
  await describeRoutes(server);
  answerUnknownRoutes(server, dashboard);
  for (const group of routeGroups) group(server, rooms);
  await server.ready();
  return server;
}

function createServer(app: App): ApiServer {
  const server = fastify({
    // Fastify tells at "info" that it listens; whoever started it says so in its own words.
    loggerInstance: app.log.child({}, { level: app.log.level === 'info' ? 'warn' : app.log.level }),
    // One line a request would cost more than the request; failures log themselves.
    logController: new LogController({ disableRequestLogging: true }),
    // Whoever logs names the request itself; a logger for each request would cost more than most requests log.
    childLoggerFactory: (logger) => logger,
    genReqId: () => newId('req_'),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    bodyLimit: mostBodyBytes,
    // A silent client: 60 s, the head 20 s, the body half an hour. Above the keep-alive of common proxies (60 s), or they meet closed sockets.
    connectionTimeout: 60_000,
    requestTimeout: 30 * 60_000,
    http: { headersTimeout: 20_000 },
    keepAliveTimeout: 75_000,
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => answerError(error, request, reply.header('x-request-id', request.id)),
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      maxParamLength: 500,
      querystringParser: (text) => (text === '' ? {} : parseQuery(text, { depth: 3, parameterLimit: 100, arrayLimit: 100 })),
    },
  }) as unknown as ApiServer;
  server.setValidatorCompiler(checkRequest);
  // Answers are typed by the contract; the tests parse them with it. A second parse of every answer would buy nothing.
  server.setSerializerCompiler(() => (value) => JSON.stringify(value));
  server.setErrorHandler(answerError);
  return server;
}

/** Starts to listen; the address as one types it. */
export async function listen(server: ApiServer, config: Config): Promise<string> {
  return server.listen({ host: config.host, port: config.port });
}
