import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
const origin = 'https://app.example';

beforeAll(async () => {
  test = await startTestServer({ CORS_ORIGINS: `${origin}, https://other.example/` });
});
afterAll(() => test.close());

function preflight(from: string): Promise<Response> {
  const headers = {
    origin: from,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-lang,x-stainless-retry-count',
  };
  return fetch(`${test.url}/v1/chat/completions`, { method: 'OPTIONS', headers });
}

it('answers a preflight without a key, and allows the headers that OpenAI clients send', async () => {
  const response = await preflight(origin);
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe(origin);
  expect(response.headers.get('access-control-allow-headers')).toContain('x-stainless-retry-count');
  expect(response.headers.get('access-control-allow-methods')).toContain('DELETE');
});

it('lets a page of a listed origin read refusals and their request id', async () => {
  for (const path of ['/v1/models', '/v1/nowhere', '/v1/files/x/content']) {
    const response = await fetch(test.url + path, { headers: { origin } });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-expose-headers')).toContain('x-request-id');
  }
});

it('allows a listed origin that was written with a slash, and no other one', async () => {
  expect((await preflight('https://other.example')).headers.get('access-control-allow-origin')).toBe('https://other.example');
  for (const stranger of ['https://evil.example', 'null', 'https://app.example.evil.example', 'http://app.example']) {
    expect((await preflight(stranger)).headers.get('access-control-allow-origin')).toBeNull();
  }
});

it('never allows credentials, and tells caches that the answer depends on the origin', async () => {
  const response = await preflight(origin);
  expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  expect(response.headers.get('vary')).toContain('Origin');
});
