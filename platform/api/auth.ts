/** Who is calling: one check before every route, which lets nothing pass that does not say otherwise about itself. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '#platform/core/errors.ts';
import { isLoopback } from '#platform/core/loopback.ts';
import { findKey } from '#platform/storage/keys.ts';
import { findSession } from '#platform/storage/sessions.ts';
import type { ApiServer, Caller, Rooms } from './api-server.ts';
import type { Dashboard } from './dashboard.ts';
import { hostNameOf, isAllowedOrigin } from './origins.ts';
import { refuseForeignPages, sessionSecretOf } from './session-cookie.ts';

/** A key that was good a moment ago is not looked up again; one that was revoked is refused within this time. */
const freshMs = 1000;
const mostRemembered = 10_000;

/** Everybody, when keys are switched off. */
export const openCaller: Caller = { projectId: 'proj_default', role: 'owner' };

/**
 * Adds the check as the first hook: it also stands before unknown routes and before WebSocket upgrades. The dashboard's own files hold
 * nothing secret and are sent to anyone.
 */
export function requireKeys(server: ApiServer, rooms: Rooms, dashboard: Dashboard): void {
  const findCaller = callerFinder(rooms);
  const metricsToken = rooms.config.metrics_token;
  server.decorateRequest('caller', null as unknown as Caller);
  server.addHook('onRequest', async (request) => {
    const { access, writes, forViewers } = request.routeOptions.config;
    if (access === 'open' || dashboard.answers(request)) return;
    if (rooms.config.open) refuseOtherSites(request, rooms);
    const bearer = bearerOf(request);
    if (access === 'metrics' && metricsToken !== undefined && bearer !== null && isSame(bearer, metricsToken)) return;
    const isWrite = writes === true || !['GET', 'HEAD'].includes(request.method);
    const caller = await findCaller(request, bearer, isWrite);
    checkProject(request, caller);
    if (caller.role === 'viewer' && isWrite && !forViewers) {
      throw new PlatformError('permission_denied', 'This key may read only. Use a key with the role member or above.');
    }
    request.caller = caller;
  });
}

type FindCaller = (request: FastifyRequest, bearer: string | null, isWrite: boolean) => Promise<Caller>;

/** By the key in the header; by the dashboard's cookie only when no such header was sent. */
function callerFinder({ config, database: { db } }: Rooms): FindCaller {
  if (config.open) return () => Promise.resolve(openCaller);
  const callerOfKey = remembering((key) => findKey(db, key));
  const callerOfSession = remembering((secret) => findSession(db, secret));
  return async (request, bearer, isWrite) => {
    const secret = request.headers.authorization === undefined ? sessionSecretOf(request) : null;
    if (secret !== null) {
      const caller = await callerOfSession(secret);
      if (!caller) throw new PlatformError('invalid_api_key', 'This sign-in has ended. Sign in with a key again.');
      if (isWrite) refuseForeignPages(request);
      return caller;
    }
    if (bearer === null) {
      throw new PlatformError('invalid_api_key', 'No API key was sent. Send it as the header "Authorization: Bearer sk-tl-…".');
    }
    const caller = await callerOfKey(bearer);
    if (!caller) throw new PlatformError('invalid_api_key', 'This API key is not known here, or it was revoked or has expired.');
    return caller;
  };
}

function bearerOf(request: FastifyRequest): string | null {
  const match = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1] ?? null;
}

/** Looks secrets up by their hash, each at most once within `freshMs`; neither the memory nor a message holds one. */
function remembering(find: (secret: string) => Promise<Caller | null>): (secret: string) => Promise<Caller | null> {
  const known = new Map<string, { caller: Promise<Caller | null>; untilMs: number }>();
  return (secret) => {
    const digest = hash('sha256', secret);
    const nowMs = performance.now();
    let entry = known.get(digest);
    if (!entry || nowMs >= entry.untilMs) {
      if (known.size >= mostRemembered) known.clear();
      entry = { caller: find(secret), untilMs: nowMs + freshMs };
      entry.caller.catch(() => known.delete(digest));
      known.set(digest, entry);
    }
    return entry.caller;
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
