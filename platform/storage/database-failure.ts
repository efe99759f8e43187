/** What a failed query means for a caller: the database is gone, its disk is full, or it is our own mistake. */
import { PlatformError } from '#platform/core/errors.ts';

/** Codes of Node's sockets, and of PostgreSQL (its appendix A), that say: not there now, may be back soon. */
const downCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENOENT',
  'EAI_AGAIN',
  // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, too_many_connections, system_error
  '57P01',
  '57P02',
  '57P03',
  '57P04',
  '53300',
  '58000',
  // wrong user or password, no such database: the person must act, but no request can help it either
  '28000',
  '28P01',
  '3D000',
]);

/** node-postgres and PGlite give no code to these. */
const downMessages = /^(Connection terminated|timeout exceeded when trying to connect|PGlite is (closed|closing))|not queryable/;

/** Passes a query's result on; a failure that a caller can act on becomes `database_unavailable` or `disk_full`. */
export async function withCause<Result>(query: Promise<Result>): Promise<Result> {
  try {
    return await query;
  } catch (error) {
    throw databaseFailure(error) ?? error;
  }
}

function databaseFailure(cause: unknown): PlatformError | null {
  const code = codeOf(cause);
  if (code === '53100')
    return new PlatformError('disk_full', 'the disk of the database is full: free some space, then try again', { cause });
  if (!downCodes.has(code) && !code.startsWith('08') && !(cause instanceof Error && downMessages.test(cause.message))) return null;
  const message = 'the database cannot be reached at the moment. Try again in a few seconds';
  return new PlatformError('database_unavailable', message, { cause, retryAfterSeconds: 2 });
}

/** Node tries every address of a name, and throws what all of them said. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => downCodes.has(code)) ?? '';
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
