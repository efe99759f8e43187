import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import type { GenerateEvent, GenerateRequest } from '../engine.ts';
import { collect, describeEngine, endOf, never, requestFor, textOf } from './conformance.ts';
import { engines } from './index.ts';
import { sampleJson } from './scripted/sample-json.ts';
import { wordText, wordTokens } from './scripted/word-tokens.ts';

const version = { id: 'scripted', base: 'scripted', baseFile: null, adapter: null };
const script = (fields: object): string => JSON.stringify({ scripted: fields });
const words = 'one two three four five six seven eight nine ten eleven twelve thirteen';

describeEngine('scripted', {
  open: () => openDriver(engines, { driver: 'scripted' }),
  version,
  prompt: words,
  longPrompt: script({ text: 'word ', repeat: 1000, delay_ms: 10 }),
});

const engine = await openDriver(engines, { driver: 'scripted' });
const play = async (text: string, more: Partial<GenerateRequest> = {}): Promise<GenerateEvent[]> =>
  collect(engine.generate(await requestFor(engine, version, text, { maxTokens: 1000, ...more }), never));

it('repeats what it was told when the message is no script', async () => {
  expect(textOf(await play('hello'))).toBe('You said: hello');
  expect(textOf(await play('{"scripted"'))).toBe('You said: {"scripted"');
});

it('says the text of the script as often as it says, and ends for the reason it gives', async () => {
  const events = await play(script({ text: 'ab 😀', repeat: 3, finish_reason: 'length' }));
  expect(textOf(events)).toBe('ab 😀ab 😀ab 😀');
  expect(endOf(events).finishReason).toBe('length');
});

it('calls the tools that the script names, with ids that stay the same', async () => {
  const tools = [{ type: 'function', function: { name: 'weather' } }];
  const text = script({
    tool_calls: [
      { name: 'weather', arguments: { city: 'Paris' } },
      { name: 'weather', arguments: '{"city":"Rome"}' },
    ],
  });
  const events = await play(text, { tools });
  expect(events.filter(({ type }) => type === 'tool-call')).toEqual([
    { type: 'tool-call', index: 0, id: expect.stringMatching(/^call_/), name: 'weather', arguments: '{"city":"Paris"}' },
    { type: 'tool-call', index: 1, id: expect.stringMatching(/^call_/), name: 'weather', arguments: '{"city":"Rome"}' },
  ]);
  expect(endOf(events)).toMatchObject({ finishReason: 'tool_calls', completionTokens: expect.any(Number) });
  expect(await play(text, { tools })).toEqual(events);
  await expect(play(text)).rejects.toMatchObject({ code: 'invalid_request', param: 'tools' });
});

it('fails where the script says so, with its code', async () => {
  const heard: GenerateEvent[] = [];
  const failing = (async () => {
    const request = await requestFor(engine, version, script({ text: words, fail_after: 3, error: 'model_not_ready' }), { maxTokens: 99 });
    for await (const event of engine.generate(request, never)) heard.push(event);
  })();
  await expect(failing).rejects.toMatchObject({ code: 'model_not_ready' });
  expect(heard).toHaveLength(3);
  await expect(play(script({ fail_after: 0 }))).rejects.toMatchObject({ code: 'engine_failed' });
});

it('refuses a script with a mistake and names it', async () => {
  await expect(play(script({ delay: 3 }))).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('delay') });
  await expect(play(script({ error: 'no_such_code' }))).rejects.toMatchObject({ code: 'invalid_request' });
});

it('answers a response format with JSON that fits', async () => {
  expect(JSON.parse(textOf(await play('hi', { format: { type: 'json_object' } })))).toEqual({ you_said: 'hi' });
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', minLength: 2 }, tags: { type: 'array', items: { $ref: '#/$defs/tag' }, minItems: 1 } },
    required: ['name', 'tags'],
    $defs: { tag: { anyOf: [{ const: 'a' }, { type: 'null' }] } },
  };
  expect(sampleJson(schema, schema)).toEqual({ name: 'xx', tags: ['a'] });
  expect(JSON.parse(textOf(await play('hi', { format: { type: 'json_schema', schema } })))).toEqual({ name: 'xx', tags: ['a'] });
});

it('makes tokens that any text survives, exact as JSON numbers', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const tokens = JSON.parse(JSON.stringify(wordTokens(text.toWellFormed()))) as number[];
      expect(tokens.every(Number.isSafeInteger)).toBe(true);
      expect(wordText(tokens)).toBe(text.toWellFormed());
    }),
  );
});
