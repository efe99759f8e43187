import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, openServer } from './server.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'tuneloop-dashboard-'));
const dist = join(folder, 'dist');
const code = 'console.info("a page");'.repeat(100);
const asBrowser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
let test: TestServer;
let url: string;
let close: () => Promise<void>;

beforeAll(async () => {
  writeFileSync(join(folder, 'secret.txt'), 'not of the dashboard');
  test = await startTestServer();
  const server = await openServer(test.app, dist);
  url = await listen(server, { ...test.app.config, port: 0 });
  close = async () => {
    await server.close();
  };
});
afterAll(async () => {
  await close();
  await test.close();
  rmSync(folder, { recursive: true });
});

const ask = (path: string, headers: Record<string, string> = asBrowser, method = 'GET'): Promise<Response> =>
  fetch(url + path, { headers, method });

describe('the dashboard', () => {
  it('says how it is built while it is not', async () => {
    const response = await ask('/');
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npm run setup');
  });

  it('is one page at every address of its own, without a key', async () => {
    mkdirSync(join(dist, 'assets'), { recursive: true });
    writeFileSync(join(dist, 'index.html'), '<!doctype html><title>built</title>');
    writeFileSync(join(dist, 'assets', 'main-a1B2.js'), code);
    writeFileSync(join(dist, '.hidden'), 'hidden');
    for (const path of ['/', '/runs', '/runs/ftjob-1?tab=events', '/playground', '/a/b/c']) {
      const response = await ask(path);
      expect(response.status, path).toBe(200);
      expect(await response.text()).toContain('<title>built</title>');
      expect(response.headers.get('cache-control')).toBe('no-cache');
    }
    expect((await ask('/', {})).status).toBe(200);
  });

  it('lets no code of others run in it, and nobody frame it', async () => {
    const { headers } = await ask('/');
    const policy = headers.get('content-security-policy')!;
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    for (const part of ["default-src 'self'", "img-src 'self' data:", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
      expect(policy).toContain(part);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('sends its files compressed, once and for all, and unchanged ones not again', async () => {
    const path = '/assets/main-a1B2.js';
    const plain = await ask(path, { accept: '*/*', 'accept-encoding': 'identity' });
    expect(await plain.text()).toBe(code);
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(plain.headers.get('cache-control')).toContain('immutable');
    const raw = await rawBody(path, 'gzip');
    expect(raw.length).toBeLessThan(code.length / 4);
    expect(gunzipSync(raw).toString()).toBe(code);
    expect((await ask(path, { 'accept-encoding': 'gzip, br' })).headers.get('content-encoding')).toBe('br');
    const again = await ask(path, { 'if-none-match': plain.headers.get('etag')! });
    expect(again.status).toBe(304);
  });

  it.each(['/assets/../../secret.txt', '/assets/..%2f..%2fsecret.txt', '/..%5csecret.txt', '/.hidden', '/assets/', '/assets/nothing.js'])(
    'sends nothing that is not its own: %s',
    async (path) => {
      const response = await rawBody(path, 'identity');
      expect(response.toString()).toContain('"invalid_api_key"');
    },
  );

  it('stands in the way of no route, and hides no mistake of a program', async () => {
    const key = { authorization: `Bearer ${test.key}` };
    expect((await ask('/v1/models')).status).toBe(401);
    expect((await ask('/v1/nowhere')).status).toBe(401);
    expect((await ask('/api/v1/nowhere', { ...asBrowser, ...key })).status).toBe(404);
    expect((await ask('/models', { accept: 'application/json', ...key })).status).toBe(404);
    expect((await ask('/runs', asBrowser, 'POST')).status).toBe(401);
    expect((await ask('/runs', asBrowser, 'HEAD')).status).toBe(200);
    expect((await ask('/health')).headers.get('content-type')).toContain('application/json');
  });
});

/** fetch would tidy the path, and unpack the body. */
function rawBody(path: string, encoding: string): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    get({ hostname, port, path, headers: { 'accept-encoding': encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
    }).on('error', reject);
  });
}
