/** API keys: made once, shown once, kept as SHA-256. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { sql, type Kysely, type Selectable } from 'kysely';
import { newId, randomText } from '#platform/core/ids.ts';
import { defaultProject } from './database.ts';
import type { ApiKeyTable, Tables } from './tables.ts';

/** Who a request comes from. */
export interface KeyHolder {
  keyId: string;
  projectId: string;
  role: ApiKeyTable['role'];
}

export interface NewKey {
  projectId: string;
  name: string;
  role: ApiKeyTable['role'];
  expiresAt?: Date | null;
}

/** Makes a key. The secret, `sk-tl-` and 43 random letters and digits (256 bits), exists nowhere but in this answer. */
export async function createKey(db: Kysely<Tables>, key: NewKey): Promise<{ row: Selectable<ApiKeyTable>; secret: string }> {
  const secret = `sk-tl-${randomText(43)}`;
  return { row: await insertKey(db, key, secret), secret };
}

/**
 * Sees to it that an owner key exists. Without `settingKey` one is made when there is none that works, and returned to be shown
 * once. With it, that key is the owner key, and an owner key from an earlier setting stops working.
 */
export async function ensureOwnerKey(db: Kysely<Tables>, settingKey: string | undefined): Promise<{ created: string | null }> {
  const owner = { projectId: defaultProject.id, role: 'owner' } as const;
  if (settingKey !== undefined) {
    await retireSettingKeys(db, settingKey);
    if (!(await findKey(db, settingKey))) await insertKey(db, { ...owner, name: settingKeyName }, settingKey);
    return { created: null };
  }
  const existing = await db
    .selectFrom('api_keys')
    .select('id')
    .where('role', '=', 'owner')
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  return { created: existing ? null : (await createKey(db, { ...owner, name: 'owner' })).secret };
}

/** Whose key it is; null when nobody's, or expired, or revoked. */
export async function findKey(db: Kysely<Tables>, bearer: string): Promise<KeyHolder | null> {
  const sha256 = hash(bearer);
  const row = await db
    .selectFrom('api_keys')
    .select(['id', 'project_id', 'role', 'secret_sha256'])
    .where('secret_sha256', '=', sha256)
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (!row || !timingSafeEqual(Buffer.from(row.secret_sha256), Buffer.from(sha256))) return null;
  return { keyId: row.id, projectId: row.project_id, role: row.role };
}

/** The key stops working at once. */
export async function revokeKey(db: Kysely<Tables>, keyId: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`now()` })
    .where('id', '=', keyId)
    .where('revoked_at', 'is', null)
    .execute();
}

const settingKeyName = 'TUNELOOP_KEY';

async function retireSettingKeys(db: Kysely<Tables>, settingKey: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`now()` })
    .where('name', '=', settingKeyName)
    .where('revoked_at', 'is', null)
    .where('secret_sha256', '!=', hash(settingKey))
    .execute();
}

/** A key that was revoked comes back when the setting names it again. */
async function insertKey(db: Kysely<Tables>, key: NewKey, secret: string): Promise<Selectable<ApiKeyTable>> {
  return db
    .insertInto('api_keys')
    .values({
      id: newId('key_'),
      project_id: key.projectId,
      name: key.name,
      role: key.role,
      secret_sha256: hash(secret),
      last_four: secret.slice(-4),
      expires_at: key.expiresAt ?? null,
    })
    .onConflict((conflict) =>
      conflict.column('secret_sha256').doUpdateSet({ revoked_at: null, expires_at: key.expiresAt ?? null, role: key.role }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
