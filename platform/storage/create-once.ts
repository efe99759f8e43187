/** One effect of a creation that is sent again: its key is stored in the transaction that makes the resource. */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { canonicalJson } from '#platform/core/canonical-json.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Tables } from './tables.ts';

/** A key that the client chose, and what it asked for under it. */
export interface OnceKey {
  projectId: string;
  /** What is made; a key of a file says nothing about plans. */
  resource: 'file' | 'upload' | 'plan';
  key: string;
  /** The request as it was understood, the hash of its bytes in it; the order of fields does not count. */
  request: unknown;
}

/**
 * What `create` makes within a transaction, or, when the key was used before, what `find` finds of it. Requests at once with one key
 * make one resource. Without a key everything is new. Throws `idempotency_mismatch` when the key was used for another request.
 */
export async function createOnce<Row extends { id: string }>(
  db: Kysely<Tables>,
  once: OnceKey | null,
  create: (db: Kysely<Tables>) => Promise<Row>,
  find: (id: string) => Promise<Row>,
): Promise<{ row: Row; isNew: boolean }> {
  if (!once) return { row: await db.transaction().execute(create), isNew: true };
  const request_sha256 = createHash('sha256').update(canonicalJson(once.request)).digest('hex');
  const key = { project_id: once.projectId, resource: once.resource, key: once.key };
  const made = await db.transaction().execute(async (transaction) => {
    const claimed = await transaction
      .insertInto('idempotency_keys')
      .values({ ...key, request_sha256, resource_id: '' })
      .onConflict((conflict) => conflict.columns(['project_id', 'resource', 'key']).doNothing())
      .returning('key')
      .executeTakeFirst();
    if (!claimed) return null;
    const row = await create(transaction);
    await keyed(transaction.updateTable('idempotency_keys').set({ resource_id: row.id }), key).execute();
    return row;
  });
  if (made) return { row: made, isNew: true };
  const before = await keyed(db.selectFrom('idempotency_keys').selectAll(), key).executeTakeFirstOrThrow();
  if (before.request_sha256 === request_sha256) return { row: await find(before.resource_id), isNew: false };
  throw new PlatformError(
    'idempotency_mismatch',
    `This Idempotency-Key made ${before.resource_id} from another request; use a new key for a new ${once.resource}.`,
  );
}

function keyed<Query extends { where(column: 'project_id' | 'resource' | 'key', is: '=', value: string): Query }>(
  query: Query,
  { project_id, resource, key }: { project_id: string; resource: string; key: string },
): Query {
  return query.where('project_id', '=', project_id).where('resource', '=', resource).where('key', '=', key);
}
