import { Session } from '#contract/session.ts';
import { createKey, revokeKey } from '#platform/storage/keys.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, until, type TestServer } from './test-server.ts';

let test: TestServer;

beforeAll(async () => {
  test = await startTestServer({ CORS_ORIGINS: 'https://app.example' });
});
afterAll(() => test.close());

/** As a page of the dashboard sends it; `cookie` is what the browser keeps. */
function fromPage(path: string, { method = 'GET', cookie = '', body = undefined as unknown, headers = {} } = {}): Promise<Response> {
  return fetch(test.url + path, {
    method,
    headers: {
      ...(cookie && { cookie }),
      ...(method !== 'GET' && { origin: test.url }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function signIn(key: string): Promise<{ cookie: string; header: string; session: Session }> {
  const response = await fromPage('/api/v1/session', { method: 'POST', body: { key } });
  expect(response.status).toBe(200);
  const header = response.headers.get('set-cookie')!;
  return { cookie: header.split(';')[0]!, header, session: Session.parse(await response.json()) };
}

async function newKey(role: 'viewer' | 'member'): Promise<{ id: string; secret: string }> {
  const { row, secret } = await createKey(test.app.database.db, { projectId: 'proj_default', name: `a ${role}`, role });
  return { id: row.id, secret };
}

describe('a session', () => {
  it('is had for a key, as a cookie that no script reads and no other site sends', async () => {
    const { header, session, cookie } = await signIn(test.key);
    expect(session).toMatchObject({ role: 'owner', project_id: 'proj_default', key_name: 'TUNELOOP_KEY' });
    expect(session.expires_at! - Date.now() / 1000).toBeGreaterThan(3600);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/']) expect(header).toContain(part);
    expect(header).not.toContain('Secure');
    expect(cookie).not.toContain(test.key);
    expect(Session.parse(await (await fromPage('/api/v1/session', { cookie })).json())).toEqual(session);
    expect((await fromPage('/v1/models', { cookie })).status).toBe(200);
  });

  it('is sent over TLS only, once a proxy says that it was had over TLS', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const response = await fromPage('/api/v1/session', { method: 'POST', body: { key: test.key }, headers });
    expect(response.headers.get('set-cookie')).toContain('Secure');
  });

  it('is refused for a wrong key, and after ten of them the address waits', async () => {
    const own = await startTestServer();
    try {
      const statuses: number[] = [];
      for (let index = 0; index < 11; index++) {
        const response = await own.call('/api/v1/session', { body: { key: 'sk-tl-wrong' }, headers: { authorization: '' } });
        statuses.push(response.status);
        if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await response.text()).not.toContain('sk-tl-wrong');
      }
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    } finally {
      await own.close();
    }
  });

  it('reads from anywhere, but changes things only for the pages of this server', async () => {
    const { cookie } = await signIn(test.key);
    const pages = [
      { origin: 'https://evil.example' },
      { origin: 'https://app.example' },
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      {},
    ];
    for (const headers of pages) {
      for (const [method, path] of [
        ['POST', '/v1/chat/completions'],
        ['DELETE', '/v1/files/file-x'],
        ['DELETE', '/api/v1/session'],
        ['POST', '/v1/nowhere'],
      ]) {
        const response = await fetch(test.url + path, { method, headers: { cookie, ...(headers as Record<string, string>) } });
        expect(response.status, `${method} ${path} ${JSON.stringify(headers)}`).toBe(403);
        expect(await response.text()).toContain('"csrf_refused"');
      }
    }
    const own = { 'sec-fetch-site': 'same-origin' };
    expect((await fetch(`${test.url}/v1/files/file-x`, { method: 'DELETE', headers: { cookie, ...own } })).status).toBe(404);
    expect((await fromPage('/v1/files/file-x', { method: 'DELETE', cookie })).status).toBe(404);
  });

  it('cannot be pushed on a browser by another site', async () => {
    const headers = { origin: 'https://evil.example', 'content-type': 'application/json' };
    const response = await fetch(`${test.url}/api/v1/session`, { method: 'POST', headers, body: JSON.stringify({ key: test.key }) });
    expect(response.status).toBe(403);
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('stands behind a key in the header, good or bad', async () => {
    const { cookie } = await signIn(test.key);
    expect((await fromPage('/v1/models', { cookie, headers: { authorization: 'Bearer sk-tl-wrong' } })).status).toBe(401);
  });

  it('ends within a second of its key being revoked, and of signing out', async () => {
    const key = await newKey('member');
    const [first, second] = [await signIn(key.secret), await signIn(key.secret)];
    const status = async (cookie: string) => (await fromPage('/v1/models', { cookie })).status;
    expect([await status(first.cookie), await status(second.cookie)]).toEqual([200, 200]);
    const left = await fromPage('/api/v1/session', { method: 'DELETE', cookie: first.cookie });
    expect(await left.json()).toEqual({ object: 'session', deleted: true });
    expect(left.headers.get('set-cookie')).toContain('Max-Age=0');
    await until(async () => (await status(first.cookie)) === 401, 'it has ended', 1100);
    expect(await status(second.cookie)).toBe(200);
    await revokeKey(test.app.database.db, key.id);
    await until(async () => (await status(second.cookie)) === 401, 'it has ended with its key', 1100);
  });

  it('of a viewer reads only, and may sign out', async () => {
    const { cookie, session } = await signIn((await newKey('viewer')).secret);
    expect(session.role).toBe('viewer');
    expect((await fromPage('/v1/models', { cookie })).status).toBe(200);
    expect((await fromPage('/v1/chat/completions', { method: 'POST', cookie, body: {} })).status).toBe(403);
    expect((await fromPage('/api/v1/session', { method: 'DELETE', cookie })).status).toBe(200);
  });

  it('is not needed where keys are switched off', async () => {
    const open = await startTestServer({ OPEN: 'true' });
    try {
      const response = await fetch(`${open.url}/api/v1/session`);
      expect(await response.json()).toEqual({ object: 'session', role: 'owner', project_id: 'proj_default', expires_at: null });
    } finally {
      await open.close();
    }
  });

  it('is nobody without a cookie', async () => {
    expect((await fromPage('/api/v1/session')).status).toBe(401);
    expect((await fromPage('/v1/models', { cookie: 'tuneloop_session=nobody; other=1' })).status).toBe(401);
  });
});
