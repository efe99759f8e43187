import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { createKey, ensureOwnerKey, findKey, revokeKey } from './keys.ts';
import { describeDatabases } from './test-databases.ts';

describeDatabases('keys', (database) => {
  const db = () => database.current.db;
  const member = { projectId: 'proj_default', name: 'laptop', role: 'member' } as const;

  it('makes one owner key at the first start, and shows it only then', async () => {
    const { created } = await ensureOwnerKey(db(), undefined);
    expect(created).toMatch(/^sk-tl-[0-9A-Za-z]{43}$/);
    expect(await findKey(db(), created!)).toMatchObject({ projectId: 'proj_default', role: 'owner' });
    expect(await ensureOwnerKey(db(), undefined)).toEqual({ created: null });
  });

  it('makes the key of the setting the owner key, and an earlier one of the setting none', async () => {
    await ensureOwnerKey(db(), 'first-key-of-the-setting');
    await ensureOwnerKey(db(), 'first-key-of-the-setting');
    expect(await findKey(db(), 'first-key-of-the-setting')).toMatchObject({ role: 'owner' });
    await ensureOwnerKey(db(), 'second-key-of-the-setting');
    expect(await findKey(db(), 'first-key-of-the-setting')).toBeNull();
    await ensureOwnerKey(db(), 'first-key-of-the-setting');
    expect(await findKey(db(), 'first-key-of-the-setting')).toMatchObject({ role: 'owner' });
    expect(await findKey(db(), 'second-key-of-the-setting')).toBeNull();
  });

  it('keeps no secret, and what it keeps is no key', async () => {
    const { row, secret } = await createKey(db(), member);
    expect(await findKey(db(), secret)).toEqual({ keyId: row.id, projectId: 'proj_default', role: 'member' });
    const { rows } = await sql<{ text: string }>`select api_keys::text as text from api_keys`.execute(db());
    for (const { text } of rows) expect(text).not.toContain(secret);
    expect(await findKey(db(), row.secret_sha256)).toBeNull();
    expect(row.last_four).toBe(secret.slice(-4));
  });

  it('refuses revoked and expired keys, and what is almost a key', async () => {
    const { row, secret } = await createKey(db(), member);
    expect(await findKey(db(), `${secret} `)).toBeNull();
    expect(await findKey(db(), secret.slice(0, -1))).toBeNull();
    expect(await findKey(db(), '')).toBeNull();
    expect(await findKey(db(), "' or 1=1 --")).toBeNull();
    await revokeKey(db(), row.id);
    expect(await findKey(db(), secret)).toBeNull();
    const old = await createKey(db(), { ...member, expiresAt: new Date(Date.now() - 1000) });
    expect(await findKey(db(), old.secret)).toBeNull();
    const young = await createKey(db(), { ...member, expiresAt: new Date(Date.now() + 3_600_000) });
    expect(await findKey(db(), young.secret)).not.toBeNull();
  });
});
