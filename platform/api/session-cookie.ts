/** The cookie of the dashboard: how it is read and set, and which requests may change something with it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sessionCookie } from '#contract/session.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { sessionSeconds } from '#platform/storage/sessions.ts';

/** The secret in the request's cookie; null when there is none. */
export function sessionSecretOf(request: FastifyRequest): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=');
    if (name === sessionCookie && value) return value;
  }
  return null;
}

/** No script reads it, and no page of another site makes the browser send it. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  setCookie(request, reply, secret, sessionSeconds);
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  setCookie(request, reply, '', 0);
}

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, maxAgeSeconds: number): void {
  const parts = [`${sessionCookie}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Strict', `Max-Age=${maxAgeSeconds}`];
  // TLS ends at a proxy in front. A caller who only claims it gets a cookie that its own browser sends more rarely.
  if (request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https') parts.push('Secure');
  void reply.header('set-cookie', parts.join('; '));
}

/** SameSite lets other ports of this machine send the cookie, so whatever changes something must come from a page of ours. */
export function refuseForeignPages(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin === undefined ? request.headers['sec-fetch-site'] === 'same-origin' : isOwn(origin, host)) return;
  throw new PlatformError(
    'csrf_refused',
    'A change with the cookie of the dashboard must come from its own pages. A program sends an API key: "Authorization: Bearer sk-tl-…".',
  );
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
