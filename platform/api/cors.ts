/** Cross-origin calls from browsers: only from listed origins, and with readable errors. */
import { originList } from './origins.ts';
import type { ApiServer } from './api-server.ts';

const exposed = [
  'x-request-id',
  'x-tuneloop-version',
  'x-should-retry',
  'retry-after',
  'retry-after-ms',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
].join(', ');

/** Runs before the key check: a preflight carries no key, and a refusal must be readable by the page. */
export function allowOrigins(server: ApiServer, corsOrigins: string): void {
  const allowed = new Set(originList(corsOrigins));
  server.addHook('onRequest', (request, reply, next) => {
    const { origin } = request.headers;
    if (origin === undefined) return next();
    void reply.header('vary', 'Origin');
    const isAllowed = allowed.has(origin);
    if (isAllowed) {
      void reply.header('access-control-allow-origin', origin);
      void reply.header('access-control-expose-headers', exposed);
    }
    const wantedMethod = request.headers['access-control-request-method'];
    if (request.method !== 'OPTIONS' || wantedMethod === undefined) return next();
    if (isAllowed) {
      void reply.header('access-control-allow-methods', 'GET, POST, DELETE');
      void reply.header('access-control-allow-headers', request.headers['access-control-request-headers'] ?? 'authorization, content-type');
      void reply.header('access-control-max-age', '600');
    }
    void reply.code(204).send();
  });
}
