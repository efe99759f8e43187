import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ErrorBody } from '#contract/errors.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer({ MAX_UPLOAD_MB: '1' });
});
afterAll(() => test.close());

/** The error of an answer, after a look at all that every error must have. */
async function errorOf(response: Response): Promise<ErrorBody['error'] & { status: number }> {
  expect(response.headers.get('x-request-id')).toMatch(/^req_\w{24}$/);
  expect(response.headers.get('content-type')).toContain('application/json');
  const body = ErrorBody.strict().parse(await response.json());
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
  return { ...body.error, status: response.status };
}

const chat = { model: 'scripted', messages: [{ role: 'user', content: 'hello' }] };

describe('an error', () => {
  it('for an unknown route names the one that was probably meant', async () => {
    const error = await errorOf(await test.call('/v1/chat/completion', { body: chat }));
    expect(error).toMatchObject({ status: 404, code: 'unknown_url', type: 'invalid_request_error', param: null });
    expect(error.message).toContain('POST /v1/chat/completions');
    expect((await errorOf(await test.call('/v1/fine-tuning/jobs'))).message).toContain('/v1/fine_tuning/jobs');
    expect((await errorOf(await test.call('/models'))).message).toContain('/v1/models');
  });

  it('for a wrong method says which are right', async () => {
    const response = await test.call('/v1/files', { method: 'PUT', body: {} });
    expect(response.headers.get('allow')).toBe('POST, GET');
    expect(await errorOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(await errorOf(await test.call('/v1/chat/completions'))).toMatchObject({ status: 405 });
  });

  it("in a job names its field, by the route of any method as by OpenAI's", async () => {
    const body = { model: 'smollm2-135m-instruct', training_file: 'file-x', extensions: { method: { type: 'ppo', kl_coef: -1 } } };
    for (const path of ['/api/v1/training/jobs', '/v1/fine_tuning/jobs'])
      expect(await errorOf(await test.call(path, { body }))).toMatchObject({ status: 400, param: 'extensions.method.kl_coef' });
  });

  it('for broken JSON says where', async () => {
    const error = await errorOf(await test.call('/v1/chat/completions', { body: '{"model": "scripted",}' }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_json' });
    expect(error.message).toMatch(/position 21|line 1 column 22/);
  });

  it('for a body that is no JSON is 415', async () => {
    const response = await test.call('/v1/chat/completions', { body: 'hello', headers: { 'content-type': 'text/plain' } });
    expect(await errorOf(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it('for an empty body where one is needed is 400', async () => {
    const response = await test.call('/v1/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'invalid_json' });
  });

  it('for a body that is too large is 413', async () => {
    const body = JSON.stringify({ ...chat, user: 'x'.repeat(9 << 20) });
    expect(await errorOf(await test.call('/v1/chat/completions', { body }))).toMatchObject({ status: 413, code: 'payload_too_large' });
  });

  it('for a bottomless body is 400', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(await errorOf(await test.call('/v1/chat/completions', { body: `{"model":"scripted","x":${deep}}` }))).toMatchObject({
      status: 400,
    });
    const brackets = { ...chat, messages: [{ role: 'user', content: '["['.repeat(500) }] };
    expect((await test.call('/v1/chat/completions', { body: brackets })).status).toBe(200);
  });

  it.each([
    [{ model: 'scripted' }, 'messages', 'invalid_request'],
    [{ ...chat, messages: [{ role: 'user', content: 5 }] }, 'messages[0].content', 'invalid_request'],
    [{ ...chat, temperature: 3 }, 'temperature', 'invalid_request'],
    [{ ...chat, n: 1000 }, 'n', 'invalid_request'],
    [{ ...chat, stop: ['1', '2', '3', '4', '5'] }, 'stop', 'invalid_request'],
    [{ ...chat, top_logprobs: 21, logprobs: true }, 'top_logprobs', 'invalid_request'],
    [{ ...chat, stream_options: { include_usage: true } }, 'stream_options', 'invalid_request'],
    [{ ...chat, audio: { voice: 'x', format: 'mp3' } }, 'audio', 'unsupported_parameter'],
    [{ ...chat, web_search_options: {} }, 'web_search_options', 'unsupported_parameter'],
    [{ ...chat, prediction: { type: 'content', content: 'x' } }, 'prediction', 'unsupported_parameter'],
    [{ ...chat, modalities: ['audio'] }, 'modalities[0]', 'unsupported_value'],
  ])('for a wrong field carries its path: %j', async (body, param, code) => {
    const error = await errorOf(await test.call('/v1/chat/completions', { body }));
    expect(error).toMatchObject({ status: 400, param, code, type: 'invalid_request_error' });
  });

  it('for an unknown model is 404 model_not_found', async () => {
    const error = await errorOf(await test.call('/v1/chat/completions', { body: { ...chat, model: 'gpt-9' } }));
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });

  it('for a model that is known but not pulled is not worth a retry', async () => {
    const response = await test.call('/v1/chat/completions', { body: { ...chat, model: 'smollm2-135m-instruct' } });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'model_not_ready' });
  });

  it('in a malformed request is answered in the same shape', async () => {
    const answer = await raw('GET / HTTP/1.1\r\nbroken header\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"invalid_request"');
    expect(answer).toMatch(/x-request-id: req_/);
    expect((await errorOf(await test.call('/v1/models/%ff%zz'))).status).toBe(400);
  });
});

describe('an upload', () => {
  it('that is too large is 413, and leaves nothing behind', async () => {
    const form = new FormData();
    form.append('file', new File(['x'.repeat(2 << 20)], 'large.jsonl'));
    form.append('purpose', 'fine-tune');
    const response = await fetch(`${test.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${test.key}` }, body: form });
    expect(await errorOf(response)).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(readdirSync(join(test.app.config.data, 'uploads'))).toEqual([]);
    expect(await (await test.call('/v1/files')).json()).toMatchObject({ data: [] });
  });

  it('that is no form, or has no file, says so', async () => {
    expect(await errorOf(await test.call('/v1/files', { body: {} }))).toMatchObject({ status: 415 });
    const form = new FormData();
    form.append('purpose', 'fine-tune');
    const response = await fetch(`${test.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${test.key}` }, body: form });
    expect(await errorOf(response)).toMatchObject({ status: 400, param: 'file' });
  });
});

describe('a path', () => {
  it('may end with a slash', async () => {
    expect((await test.call('/v1/models/')).status).toBe(200);
    expect((await test.call('/v1//models')).status).toBe(200);
  });

  it('carries ids with slashes and colons, percent-encoded', async () => {
    const id = 'ft:meta-llama/Llama-3.2-1B:acme:sup:abc:ckpt-step-10';
    for (const method of ['GET', 'DELETE']) {
      const error = await errorOf(await test.call(`/v1/models/${encodeURIComponent(id)}`, { method }));
      expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
      expect(error.message).toContain(id);
    }
  });

  it.each(['..%2f..%2fetc%2fpasswd', '%2e%2e%2f', 'a%00b', '..%5c..', '%252e%252e%252f'])('leads nowhere: %s', async (id) => {
    for (const path of [
      `/v1/files/${id}`,
      `/v1/files/${id}/content`,
      `/v1/models/${id}`,
      `/api/v1/models/${id}`,
      `/v1/fine_tuning/jobs/${id}`,
    ]) {
      expect([400, 404], path).toContain((await errorOf(await test.call(path))).status);
    }
  });
});

describe('a query', () => {
  it('may carry brackets', async () => {
    expect((await test.call('/v1/fine_tuning/jobs?metadata[team]=a&metadata%5Bx%5D=b&limit=2')).status).toBe(200);
  });

  it('is checked', async () => {
    expect(await errorOf(await test.call('/v1/files?limit=0'))).toMatchObject({ status: 400, param: 'limit' });
    expect(await errorOf(await test.call('/v1/fine_tuning/jobs?after=ftjob-nobody'))).toMatchObject({ status: 400, param: 'after' });
  });
});

describe('the OpenAPI document', () => {
  it('has no dangling reference and describes every route', async () => {
    const text = await (await test.call('/openapi.json')).text();
    const document = JSON.parse(text) as { paths: Record<string, unknown>; components: { schemas: Record<string, unknown> } };
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(10);
    for (const name of references) expect(Object.keys(document.components.schemas)).toContain(name);
    for (const path of [
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/files/{file_id}/content',
      '/generate/stream',
      '/health',
      '/metrics',
    ]) {
      expect(Object.keys(document.paths)).toContain(path);
    }
  });
});

describe('without its database', () => {
  it('the server answers 503 with Retry-After, and /health says so', async () => {
    const broken = await startTestServer({}, 'postgres');
    try {
      expect(await (await broken.call('/health')).json()).toMatchObject({ status: 'ok', database: { status: 'up' } });
      const client = new pg.Client(inject('postgres'));
      await client.connect();
      await client.query(`drop database ${new URL(broken.app.config.database).pathname.slice(1)} with (force)`);
      await client.end();
      const response = await broken.call('/v1/files');
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await errorOf(response)).toMatchObject({ status: 503, code: 'database_unavailable', type: 'server_error' });
      const health = await broken.call('/health');
      expect(health.status).toBe(503);
      expect(await health.json()).toMatchObject({ status: 'down', database: { status: 'down' } });
    } finally {
      await broken.close();
    }
  });
});

/** Sends text as it is and reads until the server closes. */
function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(test.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}
