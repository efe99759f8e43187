/** /api/v1/session: the dashboard signs in with a key, looks who it is, and signs out. */
import { Session, SessionDeleted, SessionRequest } from '#contract/session.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { createSession, deleteSession, findSession, type OpenSession } from '#platform/storage/sessions.ts';
import type { FastifyRequest } from 'fastify';
import type { Caller, RouteGroup } from '../../api-server.ts';
import { openCaller } from '../../auth.ts';
import { unixSeconds } from '../../list-page.ts';
import { clearSessionCookie, refuseForeignPages, sessionSecretOf, setSessionCookie } from '../../session-cookie.ts';
import { SignInLimit } from '../../sign-in-limit.ts';

const path = '/api/v1/session';
const tags = ['session'];

export const sessionRoutes: RouteGroup = (server, { config, database: { db } }) => {
  const limit = new SignInLimit();

  const signIn = { tags, summary: 'Exchange a key for a cookie', body: SessionRequest, response: { 200: Session } };
  server.post(path, { schema: signIn, config: { access: 'open' } }, async (request, reply) => {
    // Another site must not sign a browser in as somebody else either.
    if (request.headers.origin !== undefined) refuseForeignPages(request);
    if (config.open) return view(openCaller, null);
    limit.check(request.ip);
    const created = await createSession(db, request.body.key);
    if (!created) {
      limit.failed(request.ip);
      throw new PlatformError('invalid_api_key', 'This API key is not known here, or it was revoked or has expired.', { param: 'key' });
    }
    setSessionCookie(request, reply, created.secret);
    return view(created.session, created.session);
  });

  const whoAmI = { tags, summary: 'Who is signed in', response: { 200: Session } };
  server.get(path, { schema: whoAmI }, async (request) => view(request.caller, await sessionOf(request)));

  const signOut = { tags, summary: 'Sign out', response: { 200: SessionDeleted } };
  server.delete(path, { schema: signOut, config: { forViewers: true } }, async (request, reply) => {
    const secret = sessionSecretOf(request);
    if (secret !== null) await deleteSession(db, secret);
    clearSessionCookie(request, reply);
    return { object: 'session' as const, deleted: true as const };
  });

  async function sessionOf(request: FastifyRequest): Promise<OpenSession | null> {
    const secret = request.headers.authorization === undefined && !config.open ? sessionSecretOf(request) : null;
    return secret === null ? null : findSession(db, secret);
  }
};

function view({ role, projectId }: Caller, session: OpenSession | null): Session {
  return {
    object: 'session',
    role,
    project_id: projectId,
    ...(session && { key_name: session.keyName }),
    expires_at: session && unixSeconds(session.expiresAt),
  };
}
