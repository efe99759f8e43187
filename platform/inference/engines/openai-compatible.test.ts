import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import { script, startTestServer, type TestServer } from '../../api/test-server.ts';
import type { Engine, ServedVersion } from '../engine.ts';
import { collect, describeEngine, endOf, never, requestFor, textOf } from './conformance.ts';
import { engines } from './index.ts';

/** Another platform of ours, which is an OpenAI-compatible server. */
const other: TestServer = await startTestServer();
afterAll(() => other.close());

const version: ServedVersion = { id: 'other/scripted', base: 'other/scripted', baseFile: null, adapter: null };

function open(address: string, more: object = {}): Promise<Engine> {
  return openDriver(engines, { driver: 'openai-compatible', name: 'other', base_url: address, api_key: other.key, ...more });
}

describeEngine('openai-compatible', {
  open: () => open(`${other.url}/v1`),
  version,
  prompt: 'one two three four five six seven eight nine ten eleven twelve thirteen',
  longPrompt: script({ text: 'word ', repeat: 5000, delay_ms: 20 }),
});

describe('an upstream', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(`${other.url}/v1`);
  });
  const chat = (content: string, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more });

  it('lists what it serves, and only what the setting names if it names any', async () => {
    expect(await engine.models!()).toContain('scripted');
    expect(await (await open(`${other.url}/v1`, { models: ['one'] })).models!()).toEqual(['one']);
    expect(await (await open('http://127.0.0.1:1/v1')).models!()).toEqual([]);
  });

  it('answers a chat by its own template, with its own count of tokens and their probabilities', async () => {
    const request = await requestFor(engine, version, 'not this', chat(script({ text: 'as told' }), { topLogprobs: 2, maxTokens: 100 }));
    const events = await collect(engine.generate(request, never));
    expect(textOf(events)).toBe('as told');
    expect(endOf(events).promptTokens).not.toBe(request.prompt.length);
    const tokens = events.flatMap((event) => (event.type === 'text-delta' ? event.tokens : []));
    expect(tokens.map(({ text }) => text).join('')).toBe('as told');
    expect(tokens[0]!.top).toHaveLength(2);
  });

  it('calls tools', async () => {
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
    const said = script({ tool_calls: [{ name: 'look', arguments: { at: 'the sea' } }] });
    const events = await collect(engine.generate(await requestFor(engine, version, 'x', chat(said, { tools })), never));
    expect(events.at(-2)).toMatchObject({ type: 'tool-call', index: 0, name: 'look', arguments: '{"at":"the sea"}' });
    expect(endOf(events).finishReason).toBe('tool_calls');
  });

  it('passes on what it refuses, before the first event, and never a word about our key', async () => {
    const ask = async (server: Engine, more: object) =>
      collect(server.generate({ ...(await requestFor(server, version, 'x')), ...more }, never));
    await expect(ask(engine, { temperature: 7 })).rejects.toMatchObject({ code: 'invalid_request', param: 'temperature' });
    await expect(ask(engine, { version: { ...version, id: 'other/nobody' } })).rejects.toMatchObject({ code: 'model_not_found' });
    const wrongKey = ask(await open(`${other.url}/v1`, { api_key: 'sk-of-nobody' }), {});
    await expect(wrongKey).rejects.toMatchObject({ code: 'engine_failed', message: expect.not.stringContaining('sk-of-nobody') as string });
    await expect(ask(await open('http://127.0.0.1:1/v1'), {})).rejects.toMatchObject({ code: 'engine_unavailable' });
  });

  it('that fails in the middle of an answer fails here, after what it said', async () => {
    const request = await requestFor(engine, version, 'x', chat(script({ text: 'one two three', fail_after: 2 })));
    const said: string[] = [];
    const reading = (async () => {
      for await (const event of engine.generate(request, never)) if (event.type === 'text-delta') said.push(event.text);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'engine_failed' });
    expect(said.join('')).toBe('one two');
  });
});

describe('an upstream that misbehaves', () => {
  let server: Server;
  let address: string;
  /** What it sends after the head of a stream; then it says nothing more, or hangs up. */
  let behaviour: { text: string; hangsUp: boolean } | { redirect: string };
  beforeAll(async () => {
    server = createServer((_request, response) => {
      if ('redirect' in behaviour) return response.writeHead(307, { location: behaviour.redirect }).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(behaviour.text);
      if (behaviour.hangsUp) response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = async (more: object = {}) => {
    const engine = await open(address, more);
    return collect(engine.generate(await requestFor(engine, version, 'x', { messages: [{ role: 'user', content: 'x' }] }), never));
  };
  const piece = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'half' }, finish_reason: null }] })}\n\n`;

  it('is not taken for one that has finished when it hangs up', async () => {
    behaviour = { text: piece, hangsUp: true };
    await expect(ask()).rejects.toMatchObject({ code: 'engine_failed', message: expect.stringContaining('broke off') as string });
  });

  it('is given up when it says nothing any more', async () => {
    behaviour = { text: piece, hangsUp: false };
    await expect(ask({ idle_seconds: 0.2 })).rejects.toMatchObject({ code: 'engine_failed' });
  });

  it('does not send us, and our key, elsewhere', async () => {
    behaviour = { redirect: `${other.url}/v1/chat/completions` };
    await expect(ask()).rejects.toMatchObject({ code: 'engine_unavailable' });
  });

  it('that sends no JSON has failed', async () => {
    behaviour = { text: 'data: <html>\n\n', hangsUp: true };
    await expect(ask()).rejects.toMatchObject({ code: 'engine_failed' });
  });
});
