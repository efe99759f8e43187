import { openDriver } from '#platform/core/driver.ts';
import type { Engine } from '#platform/inference/engine.ts';
import { engines } from '#platform/inference/engines/index.ts';
import { greedyRequest } from '#platform/inference/greedy-request.ts';
import { createMetrics } from '#platform/monitoring/metrics.ts';
import { expect, it } from 'vitest';
import { GenerationAborted } from './aborted.ts';
import { generateChoices, type ChoiceEvent } from './generate-choices.ts';

const engine: Engine = await openDriver(engines, { driver: 'scripted' });
const version = { id: 'scripted', base: 'scripted', baseFile: null, adapter: null };
const script = (fields: object): string => JSON.stringify({ scripted: fields });

const request = (lastUserText: string) => ({ ...greedyRequest(version, [1], 1000), temperature: 1, lastUserText });
const meter = () => createMetrics().startRequest('/test', 'scripted');

async function collect(events: AsyncIterable<ChoiceEvent>): Promise<ChoiceEvent[]> {
  const all: ChoiceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const activeNow = async (): Promise<number> => (await engine.status()).active;

it('answers every choice once, each in its own order, whatever their number', async () => {
  const texts = Array.from({ length: 30 }, (_, index) => `choice number ${index} says this`);
  const requests = texts.map((text, index) => request(script({ text, delay_ms: index % 3 })));
  const events = await collect(generateChoices(engine, requests, meter(), new AbortController().signal));
  for (const [index, text] of texts.entries()) {
    const mine = events.filter((event) => event.index === index).map(({ event }) => event);
    expect(mine.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toBe(text);
    expect(mine.filter(({ type }) => type === 'text-end')).toHaveLength(1);
    expect(mine.at(-1)!.type).toBe('text-end');
  }
});

it('tells choices as they come, not one after the other', async () => {
  const requests = [1, 2].map(() => request(script({ text: 'a b c d e f g h', delay_ms: 5 })));
  const events = await collect(generateChoices(engine, requests, meter(), new AbortController().signal));
  const ends = events.findIndex(({ event }) => event.type === 'text-end');
  expect(new Set(events.slice(0, ends).map(({ index }) => index))).toEqual(new Set([0, 1]));
});

it('asks no more than eight at once of the engine', async () => {
  const requests = Array.from({ length: 20 }, () => request(script({ text: 'a b c', delay_ms: 5 })));
  let most = 0;
  for await (const _ of generateChoices(engine, requests, meter(), new AbortController().signal)) most = Math.max(most, await activeNow());
  expect(most).toBe(8);
});

it('stops all of them when one fails, and throws that failure', async () => {
  const slow = request(script({ text: 'word ', repeat: 1000, delay_ms: 20 }));
  const failing = request(script({ text: 'a b c', fail_after: 2, error: 'engine_failed' }));
  await expect(collect(generateChoices(engine, [slow, failing, slow], meter(), new AbortController().signal))).rejects.toMatchObject({
    code: 'engine_failed',
  });
  expect(await activeNow()).toBe(0);
});

it.each([1, 5])('stops %i when the caller aborts, with the caller’s reason', async (count) => {
  const controller = new AbortController();
  const requests = Array.from({ length: count }, () => request(script({ text: 'word ', repeat: 1000, delay_ms: 20 })));
  const events = generateChoices(engine, requests, meter(), controller.signal);
  await events.next();
  controller.abort(new GenerationAborted('client_gone'));
  await expect(collect(events)).rejects.toMatchObject({ reason: 'client_gone' });
  expect(await activeNow()).toBe(0);
});

it.each([1, 5])('stops %i when the caller stops listening', async (count) => {
  const requests = Array.from({ length: count }, () => request(script({ text: 'word ', repeat: 1000, delay_ms: 20 })));
  for await (const _ of generateChoices(engine, requests, meter(), new AbortController().signal)) break;
  expect(await activeNow()).toBe(0);
});
