/** The official npm client, unmodified, against a real server: what it sends must be understood, what it reads must be there. */
import { createHash } from 'node:crypto';
import OpenAI, {
  APIConnectionError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
} from 'openai';
import { Upload, UploadPart } from '#contract/openai/uploads.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failLater, script, slowly, startTestServer, until, type TestServer } from '#platform/api/test-server.ts';

let test: TestServer;
let client: OpenAI;
beforeAll(async () => {
  test = await startTestServer();
  client = new OpenAI({ apiKey: test.key, baseURL: `${test.url}/v1`, maxRetries: 0 });
});
afterAll(() => test.close());

const jsonl = `${JSON.stringify({
  messages: [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: 'a' },
  ],
})}\n`;
const upload = (text: string, name = 'rows.jsonl') => client.files.create({ file: new File([text], name), purpose: 'fine-tune' });

describe('files', () => {
  it('are uploaded, looked at, read and deleted', async () => {
    const file = await upload(jsonl, 'zeilen äöü.jsonl');
    expect(file).toMatchObject({
      object: 'file',
      bytes: jsonl.length,
      filename: 'zeilen äöü.jsonl',
      purpose: 'fine-tune',
      status: 'processed',
    });
    expect(file.created_at).toBeCloseTo(Date.now() / 1000, -2);
    expect(await client.files.retrieve(file.id)).toEqual({ ...file });
    expect(await (await client.files.content(file.id)).text()).toBe(jsonl);
    expect((await client.files.waitForProcessing(file.id, { pollInterval: 10 })).id).toBe(file.id);
    expect(await client.files.delete(file.id)).toMatchObject({ id: file.id, object: 'file', deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(NotFoundError);
  });

  it('keep their bytes whatever they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    const file = await client.files.create({ file: new File([bytes], 'x.bin'), purpose: 'user_data' });
    expect(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('expire when asked to', async () => {
    const file = await client.files.create({
      file: new File([jsonl], 'soon.jsonl'),
      purpose: 'fine-tune',
      expires_after: { anchor: 'created_at', seconds: 3600 },
    });
    expect(file.expires_at! - file.created_at).toBe(3600);
  });

  it('are listed page by page, each once, in order', async () => {
    const made: string[] = [];
    for (let index = 0; index < 5; index++)
      made.push((await client.files.create({ file: new File([jsonl], `${index}`), purpose: 'evals' })).id);
    const newestFirst: string[] = [];
    for await (const file of client.files.list({ purpose: 'evals', limit: 2 })) newestFirst.push(file.id);
    expect(newestFirst).toEqual(made.toReversed());
    const oldestFirst: string[] = [];
    for await (const file of client.files.list({ purpose: 'evals', limit: 2, order: 'asc' })) oldestFirst.push(file.id);
    expect(oldestFirst).toEqual(made);
  });

  it('are refused with the field at fault', async () => {
    const wrong = client.files.create({ file: new File([jsonl], 'x'), purpose: 'nonsense' as 'evals' });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: 'purpose' });
    await expect(upload('')).rejects.toMatchObject({ status: 400, param: 'file' });
  });
});

describe('uploads', () => {
  // What the contract says on the wire is what the client expects, checked as it is compiled; its files have no purpose "evals".
  const known = {
    upload: (wire: Omit<Upload, 'file'>): Omit<OpenAI.Upload, 'file'> => wire,
    part: (wire: UploadPart): OpenAI.Uploads.UploadPart => wire,
  };
  const begin = (bytes: number) => client.uploads.create({ filename: 'rows.jsonl', purpose: 'fine-tune', mime_type: 'text/jsonl', bytes });

  it('are begun, filled with parts and completed', async () => {
    const upload = await begin(jsonl.length);
    expect(known.upload(Upload.parse(upload))).toMatchObject({ object: 'upload', status: 'pending', file: null });
    expect(upload.expires_at - upload.created_at).toBe(3600);
    const part_ids: string[] = [];
    for (const text of [jsonl.slice(0, 20), jsonl.slice(20)]) {
      const part = await client.uploads.parts.create(upload.id, { data: new File([text], 'part') });
      expect(known.part(UploadPart.parse(part))).toMatchObject({ object: 'upload.part', upload_id: upload.id });
      part_ids.push(part.id);
    }
    const done = await client.uploads.complete(upload.id, { part_ids, md5: createHash('md5').update(jsonl).digest('hex') });
    expect(done).toMatchObject({ status: 'completed', file: { filename: 'rows.jsonl', purpose: 'fine-tune', bytes: jsonl.length } });
    expect(await (await client.files.content(done.file!.id)).text()).toBe(jsonl);
  });

  it('are cancelled, and refused with the field at fault', async () => {
    const upload = await begin(5);
    expect(await client.uploads.cancel(upload.id)).toMatchObject({ status: 'cancelled' });
    await expect(client.uploads.complete(upload.id, { part_ids: ['part_none'] })).rejects.toThrow(BadRequestError);
    await expect(client.uploads.cancel('upload_none')).rejects.toThrow(NotFoundError);
    await expect(begin(0)).rejects.toMatchObject({ param: 'bytes' });
  });
});

describe('models', () => {
  it('are listed and looked at', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toContain('scripted');
    expect(await client.models.retrieve('scripted')).toMatchObject({ id: 'scripted', object: 'model', owned_by: expect.any(String) });
  });

  it('are named in paths with whatever their ids hold', async () => {
    const id = 'ft:meta-llama/Llama-3.2-1B:acme:sup:abc:ckpt-step-10';
    await expect(client.models.retrieve(id)).rejects.toThrow(id);
    await expect(client.models.delete(id)).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });

  it('cannot be deleted when they are base models', async () => {
    await expect(client.models.delete('scripted')).rejects.toThrow(PermissionDeniedError);
  });
});

describe('fine-tuning jobs', () => {
  it('are refused with the field at fault', async () => {
    const job = { model: 'smollm2-135m-instruct', training_file: 'file-of-nobody' };
    await expect(client.fineTuning.jobs.create(job)).rejects.toBeInstanceOf(OpenAI.APIError);
    await expect(client.fineTuning.jobs.create({ ...job, method: { type: 'reinforcement' } })).rejects.toMatchObject({
      status: 400,
      param: 'method.reinforcement',
    });
    await expect(client.fineTuning.jobs.create({ ...job, suffix: 'no spaces' })).rejects.toMatchObject({ status: 400, param: 'suffix' });
    await expect(client.fineTuning.jobs.retrieve('ftjob-none')).rejects.toThrow(NotFoundError);
    await expect(client.fineTuning.jobs.cancel('ftjob-none')).rejects.toThrow(NotFoundError);
  });

  it('are listed by their labels', async () => {
    const page = await client.fineTuning.jobs.list({ metadata: { team: 'a' }, limit: 3 });
    expect(page).toMatchObject({ data: [], has_more: false });
  });
});

describe('errors', () => {
  it('come as the class of their status, with the request id', async () => {
    const stranger = new OpenAI({ apiKey: 'sk-tl-nobody', baseURL: `${test.url}/v1`, maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toThrow(AuthenticationError);
    const error = await client.files.retrieve('file-none').catch((caught: unknown) => caught as InstanceType<typeof NotFoundError>);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'file_not_found', type: 'invalid_request_error', requestID: expect.stringMatching(/^req_/) });
    await expect(client.chat.completions.create({ model: 'scripted', messages: [] })).rejects.toThrow(BadRequestError);
  });

  it('that a retry cannot help are not retried', async () => {
    let requests = 0;
    const counting = new OpenAI({
      apiKey: test.key,
      baseURL: `${test.url}/v1`,
      maxRetries: 2,
      fetch: (url, init) => {
        requests++;
        return fetch(url, init);
      },
    });
    const messages = [{ role: 'user' as const, content: 'x' }];
    await expect(counting.chat.completions.create({ model: 'smollm2-135m-instruct', messages })).rejects.toMatchObject({ status: 503 });
    expect(requests).toBe(1);
  });
});

describe('chat', () => {
  const hello = { model: 'scripted', messages: [{ role: 'user' as const, content: 'hello' }] };

  it('is answered whole and as a stream, with the same text', async () => {
    const { data: whole, request_id } = await client.chat.completions.create(hello).withResponse();
    expect(request_id).toMatch(/^req_/);
    expect(whole.choices[0]!.finish_reason).toBe('stop');
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of await client.chat.completions.create({ ...hello, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(usage).toEqual(whole.usage);
  });

  it('takes every parameter that older clients send', async () => {
    const sampling = {
      temperature: 0.5,
      top_p: 0.9,
      n: 2,
      seed: 7,
      max_tokens: 5,
      stop: ['###'],
      frequency_penalty: 0.1,
      presence_penalty: 0.1,
    };
    const labels = {
      user: 'u',
      store: true,
      service_tier: 'auto' as const,
      logit_bias: { 5: 1 },
      metadata: { a: 'b' },
      parallel_tool_calls: true,
    };
    const answer = await client.chat.completions.create({
      ...hello,
      messages: [{ role: 'developer', content: 'be brief' }, ...hello.messages],
      ...sampling,
      ...labels,
      response_format: { type: 'text' },
    });
    expect(answer.choices).toHaveLength(2);
    expect(answer.service_tier).toBe('default');
  });

  it('stops when the client aborts', async () => {
    const stream = await client.chat.completions.create({ ...hello, messages: [{ role: 'user', content: slowly }], stream: true });
    for await (const _ of stream) break;
    await until(async () => (await test.app.engines.main.status()).active === 0, 'the engine has stopped', 1000);
    const controller = new AbortController();
    const whole = client.chat.completions.create(
      { ...hello, messages: [{ role: 'user', content: slowly }] },
      { signal: controller.signal },
    );
    setTimeout(() => controller.abort(), 100);
    await expect(whole).rejects.toThrow(APIUserAbortError);
    await until(async () => (await test.app.engines.main.status()).active === 0, 'the engine has stopped', 1000);
  });

  it('that fails on its way throws instead of ending in silence', async () => {
    const stream = await client.chat.completions.create({ ...hello, messages: [{ role: 'user', content: failLater }], stream: true });
    const read = async (): Promise<void> => {
      for await (const _ of stream) continue;
    };
    await expect(read()).rejects.toMatchObject({ type: 'server_error' });
    await expect(read()).rejects.not.toThrow(APIConnectionError);
  });
});

describe('tools', () => {
  const tool = (name: string) => ({ type: 'function' as const, function: { name, parameters: { type: 'object' } } });
  const tools = [tool('weather'), tool('clock')];
  const content = script({
    tool_calls: [
      { name: 'weather', arguments: { city: 'Paris' } },
      { name: 'clock', arguments: '{}' },
    ],
  });
  const request = { model: 'scripted', messages: [{ role: 'user' as const, content }], tools };

  it('are called in a whole answer', async () => {
    const { choices } = await client.chat.completions.create(request);
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { role: 'assistant', content: null, refusal: null } });
    const calls = choices[0]!.message.tool_calls!;
    expect(calls.map((call) => call.type === 'function' && [call.function.name, call.function.arguments])).toEqual([
      ['weather', '{"city":"Paris"}'],
      ['clock', '{}'],
    ]);
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'sunny' }));
    const answered = await client.chat.completions
      .create({ ...request, messages: [...request.messages, choices[0]!.message, ...results], tool_choice: 'none' })
      .catch((error: unknown) => error);
    expect(answered, 'the script calls tools that tool_choice forbids').toBeInstanceOf(BadRequestError);
  });

  it('are gathered from a stream by the helper of the client', async () => {
    const stream = client.chat.completions.stream(request);
    const message = await stream.finalMessage();
    expect(message.tool_calls?.map((call) => call.type === 'function' && call.function.name)).toEqual(['weather', 'clock']);
    expect((await stream.finalChatCompletion()).choices[0]!.finish_reason).toBe('tool_calls');
  });

  it('are run by the helper of the client, and their results go back', async () => {
    const asked: unknown[] = [];
    const runner = client.chat.completions.runTools(
      {
        model: 'scripted',
        messages: [{ role: 'user', content: script({ tool_calls: [{ name: 'weather', arguments: { city: 'Paris' } }] }) }],
        tools: [
          {
            type: 'function',
            function: {
              name: 'weather',
              parse: JSON.parse as (text: string) => object,
              description: 'x',
              parameters: { type: 'object' },
              function: (given: object) => {
                asked.push(given);
                return 'sunny';
              },
            },
          },
        ],
      },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    expect(asked[0]).toEqual({ city: 'Paris' });
  });

  it('are called one at a time when the caller wants it so, and only those that are offered', async () => {
    const one = await client.chat.completions.create({ ...request, parallel_tool_calls: false });
    expect(one.choices[0]!.message.tool_calls).toHaveLength(1);
    await expect(client.chat.completions.create({ ...request, tool_choice: tool('clock') })).rejects.toThrow(BadRequestError);
  });

  it('work in the deprecated form of functions', async () => {
    const functions = [{ name: 'weather', parameters: { type: 'object' } }];
    const messages = [{ role: 'user' as const, content: script({ tool_calls: [{ name: 'weather', arguments: {} }] }) }];
    const { choices } = await client.chat.completions.create({ model: 'scripted', messages, functions });
    expect(choices[0]).toMatchObject({ finish_reason: 'function_call', message: { function_call: { name: 'weather', arguments: '{}' } } });
  });
});

describe('response formats', () => {
  it('give JSON that fits the schema', async () => {
    const schema = {
      type: 'object',
      properties: { colour: { enum: ['red', 'green'] }, count: { type: 'integer' } },
      required: ['colour', 'count'],
      additionalProperties: false,
    };
    const { choices } = await client.chat.completions.create({
      model: 'scripted',
      messages: [{ role: 'user', content: 'which?' }],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
    });
    const parsed = JSON.parse(choices[0]!.message.content!) as { colour: string; count: number };
    expect(['red', 'green']).toContain(parsed.colour);
    expect(parsed.count).toBeTypeOf('number');
  });

  it('that cannot be promised are refused', async () => {
    const refused = client.chat.completions.create({
      model: 'scripted',
      messages: [{ role: 'user', content: 'x' }],
      stream: true,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', schema: { type: 'object', patternProperties: { '^a': {} }, not: {} } },
      },
    });
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'unsupported_value' });
  });
});

describe('logprobs', () => {
  it('come with every token of a chat', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'scripted',
      messages: [{ role: 'user', content: 'hello' }],
      logprobs: true,
      top_logprobs: 2,
    });
    const { content } = choices[0]!.logprobs!;
    expect(content!.map(({ token }) => token).join('')).toBe(choices[0]!.message.content);
    expect(content!.every(({ logprob, top_logprobs }) => logprob <= 0 && top_logprobs.length === 2)).toBe(true);
  });

  it('score a prompt given as token ids, as evaluation harnesses ask', async () => {
    const tokens = (await (await test.call('/tokenize', { body: { model: 'scripted', prompt: 'The end is near' } })).json()) as {
      tokens: number[];
      count: number;
    };
    const { choices, usage } = await client.completions.create({
      model: 'scripted',
      prompt: [tokens.tokens] as unknown as number[][],
      echo: true,
      logprobs: 1,
      max_tokens: 1,
      temperature: 0,
    });
    const scored = choices[0]!.logprobs!;
    expect(usage!.prompt_tokens).toBe(tokens.count);
    expect(scored.tokens).toHaveLength(tokens.count + 1);
    expect(scored.token_logprobs![0]).toBeNull();
    expect(scored.token_logprobs!.slice(1).every((logprob) => logprob! <= 0)).toBe(true);
    expect(scored.text_offset!.map((offset, index) => choices[0]!.text.startsWith(scored.tokens![index]!, offset))).not.toContain(false);
    const whole = await client.completions.create({ model: 'scripted', prompt: 'The end is near', echo: true, logprobs: 1, max_tokens: 0 });
    expect(whole.choices[0]!.text).toBe('The end is near');
  });

  it('rank the answers of best_of', async () => {
    const { choices, usage } = await client.completions.create({ model: 'scripted', prompt: 'x', n: 1, best_of: 3, max_tokens: 4 });
    expect(choices).toHaveLength(1);
    expect(usage!.completion_tokens).toBeGreaterThan(4);
  });
});
