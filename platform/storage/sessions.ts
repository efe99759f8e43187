/** Sign-ins of the dashboard: a key is exchanged for a random secret, which is kept as SHA-256 and ends when the key does. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { newId, randomText } from '#platform/core/ids.ts';
import { findKey, type KeyHolder } from './keys.ts';
import type { Tables } from './tables.ts';

export interface OpenSession extends KeyHolder {
  keyName: string;
  expiresAt: Date;
}

/** A browser that is used every month stays signed in for one. */
export const sessionSeconds: number = 30 * 24 * 3600;

/** The secret, 43 random letters and digits (256 bits), exists nowhere but in this answer. Null when the key is nobody's, expired or revoked. */
export async function createSession(db: Kysely<Tables>, key: string): Promise<{ secret: string; session: OpenSession } | null> {
  const holder = await findKey(db, key);
  if (!holder) return null;
  const secret = randomText(43);
  await db
    .deleteFrom('sessions')
    .where('expires_at', '<', sql<Date>`now()`)
    .execute();
  await db
    .insertInto('sessions')
    .values({
      id: newId('sess_'),
      key_id: holder.keyId,
      secret_sha256: hash(secret),
      expires_at: sql<Date>`now() + make_interval(secs => ${sql.lit(sessionSeconds)})`,
    })
    .execute();
  const session = await findSession(db, secret);
  return session && { secret, session };
}

/** Who signed in; null when nobody did, or the session or its key has ended. */
export async function findSession(db: Kysely<Tables>, secret: string): Promise<OpenSession | null> {
  const sha256 = hash(secret);
  const row = await db
    .selectFrom('sessions')
    .innerJoin('api_keys', 'api_keys.id', 'sessions.key_id')
    .select(['api_keys.id', 'api_keys.project_id', 'api_keys.role', 'api_keys.name', 'sessions.secret_sha256', 'sessions.expires_at'])
    .where('sessions.secret_sha256', '=', sha256)
    .where('sessions.expires_at', '>', sql<Date>`now()`)
    .where('api_keys.revoked_at', 'is', null)
    .where((where) => where.or([where('api_keys.expires_at', 'is', null), where('api_keys.expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (!row || !timingSafeEqual(Buffer.from(row.secret_sha256), Buffer.from(sha256))) return null;
  return { keyId: row.id, projectId: row.project_id, role: row.role, keyName: row.name, expiresAt: row.expires_at };
}

/** The secret stops working. */
export async function deleteSession(db: Kysely<Tables>, secret: string): Promise<void> {
  await db.deleteFrom('sessions').where('secret_sha256', '=', hash(secret)).execute();
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
