/** OpenAI's graders by its own client, against the real server. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

describe('/v1/fine_tuning/alpha/graders', () => {
  let test: TestServer;
  let client: OpenAI;
  beforeAll(async () => {
    test = await startTestServer();
    client = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: test.key, maxRetries: 0 });
  });
  afterAll(() => test.close());

  const grader = {
    type: 'string_check' as const,
    name: 'it',
    input: '{{sample.output_text}}',
    reference: '{{item.answer}}',
    operation: 'eq' as const,
  };

  it('gives a grader back that is well-formed', async () => {
    expect((await client.fineTuning.alpha.graders.validate({ grader })).grader).toEqual(grader);
  });

  it('grades an answer, by rule or by a model that answers here', async () => {
    const run = await client.fineTuning.alpha.graders.run({ grader, model_sample: 'Paris', item: { answer: 'Paris' } });
    expect(run).toMatchObject({ reward: 1, metadata: { type: 'string_check', errors: { other_error: false } } });
    const judge = {
      type: 'score_model' as const,
      name: 'judge',
      model: 'scripted',
      input: [{ role: 'user' as const, content: 'say: 0.5' }],
    };
    const judged = await client.fineTuning.alpha.graders.run({ grader: judge, model_sample: 'Paris' });
    expect(judged.metadata.sampled_model_name).toBe('scripted');
    expect(judged.metadata.token_usage).toBeGreaterThan(0);
  });

  it('refuses code where no sandbox is named, and a judge that does not exist', async () => {
    const python = { type: 'python' as const, name: 'it', source: 'def grade(sample, item): return 1' };
    await expect(client.fineTuning.alpha.graders.run({ grader: python, model_sample: 'x' })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_value',
      param: 'grader.type',
    });
    const judge = { type: 'score_model' as const, name: 'judge', model: 'nobody', input: [{ role: 'user' as const, content: 'x' }] };
    await expect(client.fineTuning.alpha.graders.run({ grader: judge, model_sample: 'x' })).rejects.toMatchObject({ status: 404 });
  });
});
