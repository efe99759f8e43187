/** What exports are refused before anything is queued. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorBody } from '#contract/errors.ts';
import { startTestServer, type TestServer } from './test-server.ts';

describe('/api/v1/models/{model}/exports', () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startTestServer({ QUANTIZERS: '/nowhere' });
  });
  afterAll(() => test.close());

  it.each(['gptq-int4', 'awq-int4', 'bnb-nf4', 'bnb-int8'])(
    'refuses %s without its libraries, with the command that brings them',
    async (form) => {
      const response = await test.call('/api/v1/models/scripted/exports', { body: { form } });
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as ErrorBody;
      expect(error).toMatchObject({ code: 'unsupported_value', param: 'form' });
      expect(error.message).toContain('npm run setup -- --quantizers');
    },
  );

  it('refuses a model that has no weights', async () => {
    const response = await test.call('/api/v1/models/scripted/exports', { body: { form: 'safetensors' } });
    expect([response.status, ((await response.json()) as ErrorBody).error.code]).toEqual([422, 'model_refused']);
  });
});
