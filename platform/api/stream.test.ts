import { ChatCompletion, ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import { Completion, CompletionChunk } from '#contract/openai/completions.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { failAtOnce, failLater, slowly, startTestServer, until, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

const chat = (content: string, more: object = {}): object => ({ model: 'scripted', messages: [{ role: 'user', content }], ...more });

/** The `data:` lines of a stream. */
async function dataOf(response: Response): Promise<string[]> {
  expect(response.status).toBe(200);
  return (await response.text()).split('\n\n').flatMap((event) => (event.startsWith('data: ') ? [event.slice('data: '.length)] : []));
}

async function chunksOf(body: object): Promise<ChatCompletionChunk[]> {
  const data = await dataOf(await test.call('/v1/chat/completions', { body: { ...body, stream: true } }));
  expect(data.at(-1)).toBe('[DONE]');
  return data.slice(0, -1).map((text) => ChatCompletionChunk.strict().parse(JSON.parse(text)));
}

const generatedTokens = async (): Promise<number> => (await test.app.engines.main.status()).generatedTokens;
const active = async (): Promise<number> => (await test.app.engines.main.status()).active;

/** Within a second the engine has nothing to do any more, and then generates nothing for as long as several tokens take. */
async function expectStopped(): Promise<void> {
  await until(async () => (await active()) === 0, 'the engine has stopped', 1000);
  const before = await generatedTokens();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await generatedTokens()).toBe(before);
}

async function abortsCounted(reason: string): Promise<number> {
  const text = await (await test.call('/metrics')).text();
  return Number(new RegExp(`generations_aborted_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
}

describe('a chat stream', () => {
  it('is a role, deltas, a finish, then DONE; usage comes last when asked for', async () => {
    const chunks = await chunksOf(chat('hello', { stream_options: { include_usage: true } }));
    expect(chunks[0]!.choices[0]!.delta).toMatchObject({ role: 'assistant', content: '' });
    expect(
      chunks.slice(1, -2).every(({ choices }) => typeof choices[0]!.delta.content === 'string' && choices[0]!.finish_reason === null),
    ).toBe(true);
    expect(chunks.at(-2)!.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(chunks.at(-1)).toMatchObject({ choices: [] });
    expect(chunks.at(-1)!.usage!.completion_tokens).toBeGreaterThan(0);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('says the same as the whole answer, and names the version that gave it', async () => {
    const whole = await test.call('/v1/chat/completions', { body: chat('hello') });
    expect(whole.headers.get('x-tuneloop-version')).toBe('scripted');
    const answer = ChatCompletion.strict().parse(await whole.json());
    const chunks = await chunksOf(chat('hello'));
    expect(chunks.map(({ choices }) => choices[0]!.delta.content ?? '').join('')).toBe(answer.choices[0]!.message.content);
    expect(answer).toMatchObject({ model: 'scripted', system_fingerprint: chunks[0]!.system_fingerprint, choices: [{ logprobs: null }] });
    expect(answer.choices[0]!.message.refusal).toBeNull();
    expect(answer.usage.total_tokens).toBe(answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });

  it('carries several answers by their index, each with its own role and finish', async () => {
    const chunks = await chunksOf(chat('hello', { n: 3 }));
    for (const index of [0, 1, 2]) {
      const mine = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      expect(mine[0]!.delta.role).toBe('assistant');
      expect(mine.filter(({ finish_reason }) => finish_reason !== null)).toHaveLength(1);
      expect(mine.at(-1)!.finish_reason).toBe('stop');
    }
  });

  it('that fails on its way ends with an error frame and without DONE', async () => {
    const data = await dataOf(await test.call('/v1/chat/completions', { body: chat(failLater, { stream: true }) }));
    expect(data.length).toBeGreaterThan(1);
    const { error } = JSON.parse(data.at(-1)!) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(error['type']).toBe('server_error');
  });

  it('that fails before its first token is a plain HTTP error', async () => {
    const response = await test.call('/v1/chat/completions', { body: chat(failAtOnce, { stream: true }) });
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(response.headers.get('content-type')).toContain('application/json');
  });

  it('has the request id in its head', async () => {
    const response = await test.call('/v1/chat/completions', { body: chat('hello', { stream: true }) });
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await response.text();
  });
});

describe('a generation stops within a second', () => {
  it.each([
    ['a stream', '/v1/chat/completions', chat(slowly, { stream: true })],
    ['a whole answer', '/v1/chat/completions', chat(slowly)],
    ['several answers at once', '/v1/chat/completions', chat(slowly, { n: 12 })],
    ['a completion', '/v1/completions', { model: 'scripted', prompt: slowly, max_tokens: 500 }],
    ['/generate', '/generate', { model: 'scripted', prompt: slowly }],
    ['/generate/stream', '/generate/stream', { model: 'scripted', prompt: slowly }],
  ])('after the client of %s is gone', async (_, path, body) => {
    const counted = await abortsCounted('client_gone');
    const before = await generatedTokens();
    const client = new AbortController();
    const response = test.call(path, { body, signal: client.signal }).then((started) => started.text());
    await until(async () => (await generatedTokens()) > before + 2, 'it generates');
    client.abort();
    await expect(response).rejects.toThrow();
    await expectStopped();
    expect(await abortsCounted('client_gone')).toBe(counted + 1);
  });

  it('after the socket of /ws/generate is closed', async () => {
    const counted = await abortsCounted('client_gone');
    const socket = await openSocket();
    socket.send({ prompt: slowly, model: 'scripted' });
    await socket.next();
    socket.close();
    await expectStopped();
    expect(await abortsCounted('client_gone')).toBe(counted + 1);
  });

  it('after the server has closed', async () => {
    const closing = await startTestServer();
    const response = await closing.call('/v1/chat/completions', { body: chat(slowly, { stream: true, max_tokens: 20 }) });
    const closed = closing.close();
    const late = await closing.call('/v1/chat/completions', { body: chat('hello') });
    expect(late.status).toBe(503);
    expect(await late.json(), 'what is new may not').toMatchObject({ error: { code: 'engine_unavailable' } });
    const data = await dataOf(response);
    expect(data.at(-1), 'what runs may end').toBe('[DONE]');
    await closed;
  });
});

describe('/ws/generate', () => {
  it('answers several prompts in turn, each with one last frame', async () => {
    const socket = await openSocket();
    for (const prompt of ['hello', 'hello again']) {
      socket.send({ prompt, model: 'scripted' });
      const frames = await socket.untilDone();
      expect(frames.slice(0, -1).every((frame) => typeof frame['token'] === 'string')).toBe(true);
      expect(frames.at(-1)).toMatchObject({ done: true, finish_reason: 'stop', usage: { completion_tokens: expect.any(Number) } });
    }
    socket.close();
  });

  it('cancels on request, and goes on with the next prompt', async () => {
    const socket = await openSocket();
    socket.send({ prompt: slowly, model: 'scripted' });
    await socket.next();
    socket.send({ type: 'cancel' });
    expect((await socket.untilDone()).at(-1)).toMatchObject({ done: true, finish_reason: 'cancelled' });
    await expectStopped();
    socket.send({ prompt: 'hello', model: 'scripted' });
    expect((await socket.untilDone()).at(-1)).toMatchObject({ done: true, finish_reason: 'stop' });
    socket.close();
  });

  it.each([
    ['{broken', 'invalid_json', null],
    ['{"model":"scripted"}', 'invalid_request', 'prompt'],
    ['{"model":"nobody","prompt":"x"}', 'model_not_found', 'model'],
    [JSON.stringify({ model: 'scripted', prompt: failAtOnce }), expect.any(String), null],
  ])('answers %s with an error frame and stays open', async (message, code, param) => {
    const socket = await openSocket();
    socket.sendText(message);
    expect(await socket.next()).toMatchObject({ error: { code, param } });
    socket.send({ prompt: 'hello', model: 'scripted' });
    expect((await socket.untilDone()).at(-1)).toMatchObject({ done: true });
    socket.close();
  });

  it('refuses a second prompt while one is answered', async () => {
    const socket = await openSocket();
    socket.send({ prompt: slowly, model: 'scripted' });
    await socket.next();
    socket.send({ prompt: 'hello', model: 'scripted' });
    for (let frame = await socket.next(); !('error' in frame); frame = await socket.next()) expect(frame).toHaveProperty('token');
    socket.close();
    await expectStopped();
  });

  it('refuses pages of other sites before the upgrade', async () => {
    const socket = new WebSocket(`${test.url.replace('http', 'ws')}/ws/generate`, {
      headers: { authorization: `Bearer ${test.key}`, origin: 'https://evil.example' },
    });
    const refused = await new Promise<number | undefined>((resolve) =>
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
    );
    expect(refused).toBe(403);
  });
});

describe('/v1/completions', () => {
  it('answers several prompts, each n times, in their order', async () => {
    const response = await test.call('/v1/completions', { body: { model: 'scripted', prompt: ['hello', 'world'], n: 2, echo: true } });
    const { choices, usage } = Completion.strict().parse(await response.json());
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(choices.map(({ text }) => text.slice(0, 5))).toEqual(['hello', 'hello', 'world', 'world']);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  });

  it('streams what it would answer whole', async () => {
    const body = { model: 'scripted', prompt: 'hello', echo: true };
    const whole = Completion.parse(await (await test.call('/v1/completions', { body })).json());
    const data = await dataOf(
      await test.call('/v1/completions', { body: { ...body, stream: true, stream_options: { include_usage: true } } }),
    );
    const chunks = data.slice(0, -1).map((text) => CompletionChunk.strict().parse(JSON.parse(text)));
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]!.text);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe(whole.choices[0]!.finish_reason);
  });

  it('refuses what it cannot do by name', async () => {
    const response = await test.call('/v1/completions', { body: { model: 'scripted', prompt: 'x', suffix: 'y' } });
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_parameter', param: 'suffix' } });
  });
});

describe('/generate', () => {
  it('answers with text, tokens and why it ended', async () => {
    const answer = await (await test.call('/generate', { body: { model: 'scripted', prompt: 'hello' } })).json();
    expect(answer).toMatchObject({
      text: expect.any(String),
      tokens: expect.any(Number),
      finish_reason: 'stop',
      request_id: expect.stringMatching(/^req_/),
    });
  });

  it('streams text frames that end with DONE', async () => {
    const { text } = (await (await test.call('/v1/generate', { body: { model: 'scripted', prompt: 'hello' } })).json()) as { text: string };
    const data = await dataOf(await test.call('/generate/stream', { body: { model: 'scripted', prompt: 'hello' } }));
    expect(data.at(-1)).toBe('[DONE]');
    expect(
      data
        .slice(0, -1)
        .map((part) => (JSON.parse(part) as { text: string }).text)
        .join(''),
    ).toBe(text);
  });
});

/** A socket whose frames are taken one by one. */
async function openSocket() {
  const socket = new WebSocket(`${test.url.replace('http', 'ws')}/ws/generate`, { headers: { authorization: `Bearer ${test.key}` } });
  const frames: Record<string, unknown>[] = [];
  let wake: () => void = () => {};
  socket.on('message', (data) => {
    frames.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>);
    wake();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const next = async (): Promise<Record<string, unknown>> => {
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return frames.shift()!;
  };
  return {
    next,
    async untilDone() {
      const all = [await next()];
      while (!('done' in all.at(-1)!) && !('error' in all.at(-1)!)) all.push(await next());
      return all;
    },
    send: (message: object) => socket.send(JSON.stringify(message)),
    sendText: (text: string) => socket.send(text),
    close: () => socket.close(),
  };
}
