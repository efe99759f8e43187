import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createKey, revokeKey } from '#platform/storage/keys.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApp } from '#platform/app.ts';
import { readConfig } from '#platform/config.ts';
import { startTestServer, until, type TestServer } from './test-server.ts';

let test: TestServer;
const metricsToken = 'a-token-for-prometheus';

beforeAll(async () => {
  test = await startTestServer({ METRICS_TOKEN: metricsToken, CORS_ORIGINS: 'https://app.example' });
});
afterAll(() => test.close());

interface OpenApi {
  paths: Record<string, Record<string, unknown>>;
}

async function statusOf(method: string, path: string, bearer?: string): Promise<number> {
  const headers = { ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
  const response = await fetch(test.url + path, { method, headers });
  await response.arrayBuffer();
  return response.status;
}

describe('keys', () => {
  /** What the contract opens to everybody: nothing else may be. */
  const open = new Set(['GET /health', 'POST /api/v1/session']);

  it('are asked for on every route and method of the OpenAPI document, but for health and signing in', async () => {
    const document = (await (await test.call('/openapi.json')).json()) as OpenApi;
    const paths = Object.keys(document.paths);
    expect(paths.length).toBeGreaterThan(20);
    for (const path of paths) {
      const concrete = path.replace(/\{\w+\}/g, 'x');
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
        if (open.has(`${method} ${path}`)) continue;
        for (const given of [concrete, `${concrete}/`, `/${concrete}`, `${concrete}?key=${test.key}`]) {
          expect(await statusOf(method, given), `${method} ${given}`).toBe(401);
          expect(await statusOf(method, given, 'sk-tl-wrong'), `${method} ${given} with a wrong key`).toBe(401);
        }
      }
    }
  });

  it('are asked for before it is told whether a route exists', async () => {
    expect(await statusOf('GET', '/v1/no/such/route')).toBe(401);
    expect(await statusOf('GET', '/runs')).toBe(401);
    expect(await statusOf('POST', '/')).toBe(401);
    expect(await statusOf('GET', '/health')).toBe(200);
  });

  it.each(['/ws/generate', '/v1/ws/generate', '/v1/models'])('are asked for before the WebSocket upgrade of %s', async (path) => {
    const answer = await upgrade(path, {});
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"invalid_api_key"');
  });

  it('do not work as their stored hash', async () => {
    const hash = createHash('sha256').update(test.key).digest('hex');
    expect(await statusOf('GET', '/v1/models', hash)).toBe(401);
    expect(await statusOf('GET', '/v1/models', test.key)).toBe(200);
  });

  it('are taken from the Authorization header only, as a bearer', async () => {
    for (const authorization of [test.key, `Basic ${test.key}`, `Bearer`, `Bearer ${test.key} ${test.key}`]) {
      expect((await fetch(`${test.url}/v1/models`, { headers: { authorization } })).status, authorization).toBe(401);
    }
    expect((await fetch(`${test.url}/v1/models`, { headers: { 'x-api-key': test.key } })).status).toBe(401);
  });

  it.each(["' or 1=1 --", "sk-tl-'; drop table api_keys; --", '%00', '{"$ne":null}'])('are bound, never spliced: %s', async (bearer) => {
    expect(await statusOf('GET', '/v1/models', bearer)).toBe(401);
  });

  it('stop working within a second of being revoked', async () => {
    const { row, secret } = await createKey(test.app.database.db, { projectId: 'proj_default', name: 'short', role: 'member' });
    expect(await statusOf('GET', '/v1/models', secret)).toBe(200);
    await revokeKey(test.app.database.db, row.id);
    await until(async () => (await statusOf('GET', '/v1/models', secret)) === 401, 'the key is refused', 1100);
  });

  it('with the role viewer read only', async () => {
    const { secret } = await createKey(test.app.database.db, { projectId: 'proj_default', name: 'eyes', role: 'viewer' });
    expect(await statusOf('GET', '/v1/models', secret)).toBe(200);
    expect(await statusOf('POST', '/v1/chat/completions', secret)).toBe(403);
    expect(await statusOf('DELETE', '/v1/files/file-x', secret)).toBe(403);
    expect(await upgrade('/ws/generate', { authorization: `Bearer ${secret}` })).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('are good for their own project only', async () => {
    const asked = (project: string) =>
      test.call('/v1/models', { headers: { 'openai-project': project, 'openai-organization': 'org-any' } });
    expect((await asked('proj_default')).status).toBe(200);
    expect((await asked('proj_other')).status).toBe(403);
  });
});

describe('/metrics', () => {
  it('takes an API key or its own token, which opens nothing else', async () => {
    expect(await statusOf('GET', '/metrics')).toBe(401);
    expect(await statusOf('GET', '/metrics', 'a-token-for-someone-else')).toBe(401);
    expect(await statusOf('GET', '/metrics', metricsToken)).toBe(200);
    expect(await statusOf('GET', '/metrics', test.key)).toBe(200);
    expect(await statusOf('GET', '/v1/models', metricsToken)).toBe(401);
  });
});

describe('open mode', () => {
  it('is refused on an address that others can reach', async () => {
    const config = readConfig({ TUNELOOP_OPEN: 'true', TUNELOOP_HOST: '0.0.0.0', TUNELOOP_DATA: '/nonexistent' });
    await expect(openApp(config)).rejects.toMatchObject({ code: 'setting_invalid' });
  });

  it('answers without a key, but not to pages of other sites nor to rebound names', async () => {
    const open = await startTestServer({ OPEN: 'true' });
    try {
      const status = async (headers: Record<string, string>) =>
        (await rawGet(open.url, '/v1/models', headers)).match(/^HTTP\/1\.1 (\d+)/)?.[1];
      const host = new URL(open.url).host;
      expect(await status({ host })).toBe('200');
      expect(await status({ host, origin: open.url })).toBe('200');
      expect(await status({ host, origin: 'https://evil.example' })).toBe('403');
      expect(await status({ host: 'rebound.example' })).toBe('403');
    } finally {
      await open.close();
    }
  });
});

/** What the server answers to an upgrade, as it stands on the wire. */
function upgrade(path: string, headers: Record<string, string>): Promise<string> {
  return rawGet(test.url, path, {
    host: new URL(test.url).host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    ...headers,
  });
}

/** fetch sets Host and Connection itself. Ends when the server closes, or the head and a body are there. */
function rawGet(url: string, path: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port } = new URL(url);
  const lines = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`));
    socket.on('data', (data) => {
      text += data.toString();
      if (text.startsWith('HTTP/1.1 101')) socket.destroy();
    });
    socket.on('close', () => resolve(text)).on('error', reject);
  });
}
