/** The official npm client against a real model: the demo model, served by llama.cpp. */
import OpenAI, { BadRequestError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, until, type TestServer } from '#platform/api/test-server.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { linkDemoModel } from './running-platform.ts';

const model = 'smollm2-135m-instruct';
const messages = [{ role: 'user' as const, content: 'What is the capital of France? Answer with one word.' }];

let test: TestServer;
let client: OpenAI;
beforeAll(async () => {
  const { data } = await newTestDatabase('pglite');
  linkDemoModel(data);
  test = await startTestServer({ DATA: data, ENGINE: 'llama-cpp', ENGINE_CONTEXT: '512' });
  client = new OpenAI({ apiKey: test.key, baseURL: `${test.url}/v1`, maxRetries: 0 });
});
afterAll(() => test.close());

/** Tokens decoded so far stand still within a second. */
async function expectStopped(): Promise<void> {
  const engine = test.app.engines.main;
  await until(async () => (await engine.status()).active === 0, 'the engine has stopped', 1000);
  const before = (await engine.status()).generatedTokens;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await engine.status()).generatedTokens).toBe(before);
}

describe('chat', () => {
  it('answers a question, the same whole and streamed', async () => {
    const request = { model, messages, temperature: 0, max_tokens: 24 };
    const { data: whole, response } = await client.chat.completions.create(request).withResponse();
    expect(response.headers.get('x-tuneloop-version')).toBe(model);
    expect(whole.choices[0]!.message.content).toContain('Paris');
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(usage).toMatchObject({ prompt_tokens: whole.usage!.prompt_tokens, completion_tokens: whole.usage!.completion_tokens });
  });

  it('gives the same text for the same seed, and several answers to one prompt', async () => {
    const request = {
      model,
      messages: [{ role: 'user' as const, content: 'Tell me a story.' }],
      temperature: 1,
      seed: 5,
      max_tokens: 12,
      n: 2,
    };
    const [first, second] = [await client.chat.completions.create(request), await client.chat.completions.create(request)];
    expect(second.choices.map(({ message }) => message.content)).toEqual(first.choices.map(({ message }) => message.content));
    expect(first.choices[0]!.message.content).not.toBe(first.choices[1]!.message.content);
  });

  it('writes JSON that fits a schema', async () => {
    const schema = {
      type: 'object',
      properties: { capital: { type: 'string', maxLength: 20 } },
      required: ['capital'],
      additionalProperties: false,
    };
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      temperature: 0,
      max_tokens: 64,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    expect(JSON.parse(choices[0]!.message.content!)).toEqual({ capital: expect.any(String) });
  });

  it('tells logprobs with their alternatives', async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      temperature: 0,
      max_tokens: 4,
      logprobs: true,
      top_logprobs: 3,
    });
    const { content } = choices[0]!.logprobs!;
    expect(content!.map(({ token }) => token).join('')).toBe(choices[0]!.message.content);
    for (const { logprob, top_logprobs } of content!) expect(top_logprobs[0]!.logprob).toBeCloseTo(logprob, 3);
  });

  it('refuses tools, which its template does not show, and a prompt longer than its context, with the numbers', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'look' } }];
    await expect(client.chat.completions.create({ model, messages, tools })).rejects.toMatchObject({ status: 400, param: 'tools' });
    const long = client.chat.completions.create({ model, messages: [{ role: 'user', content: 'word '.repeat(600) }] });
    await expect(long).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'messages' });
    await expect(long).rejects.toThrow(/512.*6\d\d/);
  });

  it('stops decoding when its client leaves, whether it streams, waits for all of it, or is queued', async () => {
    const endless = { model, messages: [{ role: 'user' as const, content: 'Count from 1 to 1000.' }], max_tokens: 450 };
    for await (const _ of await client.chat.completions.create({ ...endless, stream: true })) break;
    await expectStopped();
    const controller = new AbortController();
    const many = Array.from({ length: 12 }, () =>
      client.chat.completions.create(endless, { signal: controller.signal }).catch((error: unknown) => error),
    );
    await until(async () => (await test.app.engines.main.status()).waiting > 0, 'some wait for a slot');
    controller.abort();
    for (const error of await Promise.all(many)) expect(error).toBeInstanceOf(OpenAI.APIUserAbortError);
    await expectStopped();
  });
});

describe('completions', () => {
  it('score a prompt given as token ids, as evaluation harnesses do', async () => {
    const text = 'The capital of France is Paris';
    const { tokens } = (await (await test.call('/tokenize', { body: { model, prompt: text } })).json()) as { tokens: number[] };
    const asTokens = await client.completions.create({
      model,
      prompt: [tokens] as unknown as number[][],
      echo: true,
      logprobs: 1,
      max_tokens: 1,
      temperature: 0,
    });
    const asText = await client.completions.create({ model, prompt: text, echo: true, logprobs: 1, max_tokens: 1, temperature: 0 });
    const scored = asTokens.choices[0]!.logprobs!;
    expect(asText.choices[0]!.logprobs!.token_logprobs).toEqual(scored.token_logprobs);
    expect(scored.token_logprobs![0]).toBeNull();
    expect(scored.token_logprobs).toHaveLength(tokens.length + 1);
    expect(Math.exp(scored.token_logprobs!.at(-2)!), 'Paris is likely there').toBeGreaterThan(0.1);
  });

  it('refuse a token that the model does not have', async () => {
    await expect(client.completions.create({ model, prompt: [999_999] })).rejects.toThrow(BadRequestError);
    await expect(client.completions.create({ model, prompt: 'x', logit_bias: { 999999: 1 } })).rejects.toMatchObject({
      param: 'logit_bias',
    });
  });
});

it('other requests are answered while the model decodes', async () => {
  const decoding = client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Count from 1 to 1000.' }],
    max_tokens: 60,
  });
  await until(async () => (await test.app.engines.main.status()).active > 0, 'it decodes');
  const startedAt = performance.now();
  expect((await test.call('/health')).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(500);
  await decoding;
});
