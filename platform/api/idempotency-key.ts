/** The header by which a client makes sure that a repeated creation has one effect. */
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '#platform/core/errors.ts';

/** Undefined when none was sent. Throws `invalid_request` for one that cannot be a key. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new PlatformError('invalid_request', 'Idempotency-Key takes 1 to 255 printable characters without spaces.', {
    param: 'Idempotency-Key',
  });
}
