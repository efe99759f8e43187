/** Who is calling: one check before every route, which lets nothing pass that does not say otherwise about itself. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '#platform/core/errors.ts';
import { isLoopback } from '#platform/core/loopback.ts';
import { findKey } from '#platform/storage/keys.ts';
import type { ApiServer, Caller, Rooms } from './api-server.ts';
import { hostNameOf, isAllowedOrigin } from './origins.ts';

/** A key that was good a moment ago is not looked up again; one that was revoked is refused within this time. */
const freshMs = 1000;
const mostRemembered = 10_000;

const openCaller: Caller = { projectId: 'proj_default', role: 'owner' };

/** Adds the check as the first hook: it also stands before unknown routes and before WebSocket upgrades. */
export function requireKeys(server: ApiServer, rooms: Rooms): void {
  const findCaller = rooms.config.open ? () => Promise.resolve(openCaller) : rememberingCallers(rooms);
  const metricsToken = rooms.config.metrics_token;
  server.decorateRequest('caller', null as unknown as Caller);
  server.addHook('onRequest', async (request) => {
    const { access, writes } = request.routeOptions.config;
    if (access === 'open') return;
    if (rooms.config.open) refuseOtherSites(request, rooms);
    const bearer = bearerOf(request);
    if (access === 'metrics' && metricsToken !== undefined && bearer !== null && isSame(bearer, metricsToken)) return;
    const caller = await findCaller(bearer);
    checkProject(request, caller);
    if (caller.role === 'viewer' && (writes || !['GET', 'HEAD'].includes(request.method))) {
      throw new PlatformError('permission_denied', 'This key may read only. Use a key with the role member or above.');
    }
    request.caller = caller;
  });
}

function bearerOf(request: FastifyRequest): string | null {
  const match = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1] ?? null;
}

/** Looks keys up by their hash; neither the memory nor a message holds a key. */
function rememberingCallers(rooms: Rooms): (bearer: string | null) => Promise<Caller> {
  const known = new Map<string, { caller: Promise<Caller | null>; untilMs: number }>();
  return async (bearer) => {
    if (bearer === null) {
      throw new PlatformError('invalid_api_key', 'No API key was sent. Send it as the header "Authorization: Bearer sk-tl-…".');
    }
    const digest = hash('sha256', bearer);
    const nowMs = performance.now();
    let entry = known.get(digest);
    if (!entry || nowMs >= entry.untilMs) {
      if (known.size >= mostRemembered) known.clear();
      entry = { caller: findKey(rooms.database.db, bearer), untilMs: nowMs + freshMs };
      entry.caller.catch(() => known.delete(digest));
      known.set(digest, entry);
    }
    const caller = await entry.caller;
    if (!caller) throw new PlatformError('invalid_api_key', 'This API key is not known here, or it was revoked or has expired.');
    return caller;
  };
}

function isSame(given: string, secret: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', secret, 'buffer'));
}

/** OpenAI's clients may say which project they mean; a key is good for its own only. */
function checkProject(request: FastifyRequest, caller: Caller): void {
  const project = request.headers['openai-project'];
  if (project === undefined || project === '' || project === caller.projectId) return;
  throw new PlatformError('permission_denied', 'The header OpenAI-Project names another project than the one this key belongs to.');
}

/** Without keys any web page could speak to a server on loopback: pages of other sites and rebound names are refused. */
function refuseOtherSites(request: FastifyRequest, rooms: Rooms): void {
  const host = hostNameOf(request.headers.host ?? '');
  if (!isLoopback(host)) throw new PlatformError('permission_denied', 'A server without keys answers to localhost only.');
  const { origin } = request.headers;
  if (origin !== undefined && !isAllowedOrigin(origin, request.headers.host, rooms.config.cors_origins)) {
    throw new PlatformError(
      'permission_denied',
      'A server without keys answers to its own pages only; add the origin to TUNELOOP_CORS_ORIGINS.',
    );
  }
}
