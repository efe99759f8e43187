import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { createKey, revokeKey } from './keys.ts';
import { createSession, deleteSession, findSession } from './sessions.ts';
import { describeDatabases } from './test-databases.ts';

describeDatabases('sessions', (database) => {
  const db = () => database.current.db;
  const newKey = () => createKey(db(), { projectId: 'proj_default', name: 'laptop', role: 'member' });

  it('are had for a key, and name whose it is', async () => {
    const { row, secret } = await newKey();
    const made = (await createSession(db(), secret))!;
    expect(made.secret).toMatch(/^[0-9A-Za-z]{43}$/);
    expect(await findSession(db(), made.secret)).toMatchObject({
      keyId: row.id,
      projectId: 'proj_default',
      role: 'member',
      keyName: 'laptop',
    });
    expect(await createSession(db(), 'sk-tl-nobody')).toBeNull();
  });

  it('keep no secret, and what they keep opens nothing', async () => {
    const made = (await createSession(db(), (await newKey()).secret))!;
    const { rows } = await sql<{ text: string; secret_sha256: string }>`select sessions::text as text, secret_sha256 from sessions`.execute(
      db(),
    );
    for (const { text, secret_sha256: hash } of rows) {
      expect(text).not.toContain(made.secret);
      expect(await findSession(db(), hash)).toBeNull();
    }
    expect(await findSession(db(), '')).toBeNull();
  });

  it('end with their key, with their time, and when they are ended', async () => {
    const { row, secret } = await newKey();
    const [revoked, over, left] = [await newSession(secret), await newSession((await newKey()).secret), await newSession(secret)];
    await deleteSession(db(), left);
    expect(await findSession(db(), left)).toBeNull();
    expect(await findSession(db(), revoked)).not.toBeNull();
    await revokeKey(db(), row.id);
    expect(await findSession(db(), revoked)).toBeNull();
    await sql`update sessions set expires_at = now() - interval '1 second'`.execute(db());
    expect(await findSession(db(), over)).toBeNull();
    // Whoever signs in next sweeps what is over.
    await newSession((await newKey()).secret);
    expect((await db().selectFrom('sessions').select('id').execute()).length).toBe(1);
  });

  const newSession = async (key: string): Promise<string> => (await createSession(db(), key))!.secret;
});
