import { readConfig } from '#platform/config.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failLater, script, startTestServer, type TestServer } from './test-server.ts';

let other: TestServer;
let test: TestServer;

beforeAll(async () => {
  other = await startTestServer();
  const upstreams = [
    { name: 'lab', base_url: `${other.url}/v1/`, api_key: other.key },
    { name: 'gone', base_url: 'http://127.0.0.1:1/v1', models: ['m'] },
  ];
  test = await startTestServer({ UPSTREAMS: JSON.stringify(upstreams) });
});
afterAll(async () => {
  await test?.close();
  await other?.close();
});

const ask = (body: object, path = '/v1/chat/completions') => test.call(path, { body });
const user = (content: string) => [{ role: 'user', content }];

describe('models of other servers', () => {
  it('are listed after ours, named after their server', async () => {
    const { data } = (await (await test.call('/v1/models')).json()) as { data: { id: string; x_kind: string }[] };
    expect(data.filter(({ x_kind: kind }) => kind === 'upstream').map(({ id }) => id)).toEqual(['lab/scripted', 'gone/m']);
    expect((await test.call('/v1/models/lab%2Fscripted')).status).toBe(200);
  });

  it('answer whole, streamed and as plain completions, with the usage that they count', async () => {
    const whole = await ask({ model: 'lab/scripted', messages: user(script({ text: 'from afar' })) });
    expect(await whole.json()).toMatchObject({
      model: 'lab/scripted',
      choices: [{ message: { content: 'from afar' }, finish_reason: 'stop' }],
      usage: { completion_tokens: 2 },
    });
    const streamed = await (
      await ask({ model: 'lab/scripted', messages: user('hello'), stream: true, logprobs: true, top_logprobs: 1 })
    ).text();
    expect(streamed).toContain('"content":" hello"');
    expect(streamed.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const plain = await (await ask({ model: 'lab/scripted', prompt: 'hello', max_tokens: 3 }, '/v1/completions')).json();
    expect(plain).toMatchObject({ choices: [{ text: 'You said: hello' }] });
  });

  it('say what is wrong with them: away, unknown, broken in the middle', async () => {
    const away = await ask({ model: 'gone/m', messages: user('x') });
    expect([away.status, ((await away.json()) as { error: { code: string } }).error.code]).toEqual([503, 'engine_unavailable']);
    expect((await ask({ model: 'lab/nobody', messages: user('x') })).status).toBe(404);
    const broken = await (await ask({ model: 'lab/scripted', messages: user(failLater), stream: true })).text();
    expect(broken).toContain('"engine_failed"');
    expect(broken).not.toContain('[DONE]');
  });

  it('keep their tokens to themselves', async () => {
    expect((await ask({ model: 'lab/scripted', prompt: 'x' }, '/tokenize')).status).toBe(400);
  });
});

describe('TUNELOOP_UPSTREAMS', () => {
  const read = (value: unknown, more: Record<string, string> = {}) =>
    readConfig({ TUNELOOP_UPSTREAMS: typeof value === 'string' ? value : JSON.stringify(value), ...more }).upstreams;
  const server = { name: 'lab', base_url: 'http://10.0.0.2/v1/' };

  it('takes the key from the variable that it names', () => {
    expect(read([{ ...server, api_key_env: 'LAB_KEY' }], { LAB_KEY: 'secret' })).toEqual([
      { name: 'lab', base_url: 'http://10.0.0.2/v1', api_key_env: 'LAB_KEY', api_key: 'secret' },
    ]);
  });

  it.each([
    ['what is no JSON', 'lab=http://x', /not JSON/],
    ['an address that is none', [{ ...server, base_url: 'file:///etc/passwd' }], /base_url/],
    ['a misspelt field', [{ ...server, apikey: 'x' }], /apikey/],
    ['two of one name', [server, server], /two servers/],
    ['a variable that is not set', [{ ...server, api_key_env: 'NOT_SET' }], /NOT_SET/],
  ])('refuses %s', (_, value, message) => {
    expect(() => read(value)).toThrowError(message);
  });
});
