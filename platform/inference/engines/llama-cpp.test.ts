import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import { demoModelGguf } from '../../../tests/demo-model.ts';
import { writeLora } from '../../../tests/lora-gguf.ts';
import type { Engine, GenerateEvent, GenerateRequest, ServedVersion } from '../engine.ts';
import { collect, describeEngine, endOf, never, requestFor, textOf, until } from './conformance.ts';
import { engines } from './index.ts';
import type { LlamaCppEngine } from './llama-cpp.ts';

const base: ServedVersion = { id: 'demo', base: 'demo', baseFile: demoModelGguf(), adapter: null };
const chat = (question: string): string => `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
const story = chat('Tell me a long story about a fox who travels to the sea.');
/** The demo model's shape. An odd rank, as the worker exports every adapter: llama.cpp takes the same path for one token and for many, so that batches change no bit. */
const shape = { layers: 30, rank: 9, inputs: 576, outputs: 576 };

let folder: string;
const versions: Record<'zero' | 'left' | 'right', ServedVersion> = { zero: base, left: base, right: base };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuneloop-engine-'));
  for (const [index, name] of (['zero', 'left', 'right'] as const).entries()) {
    const file = join(folder, `${name}.gguf`);
    const sha256 = await writeLora(file, shape, index + 1, name === 'zero' ? 0 : 2);
    versions[name] = { ...base, id: `ft:${name}`, adapter: { file, sha256 } };
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open = (more: object = {}): Promise<Engine> => openDriver(engines, { driver: 'llama-cpp', ...more });

describeEngine('llama-cpp', { open, version: base, prompt: story, longPrompt: story });

async function ask(engine: Engine, version: ServedVersion, text: string, more: Partial<GenerateRequest> = {}): Promise<GenerateEvent[]> {
  return collect(engine.generate(await requestFor(engine, version, text, { maxTokens: 24, ...more }), never));
}
const answer = async (...given: Parameters<typeof ask>): Promise<string> => textOf(await ask(...given));

describe('one engine', { timeout: 120_000 }, () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  it('answers eight different prompts at once as it answers them one by one', async () => {
    const prompts = Array.from({ length: 8 }, (_, index) => chat(`Write ${'a long '.repeat(index)}text about the number ${index}.`));
    const alone: string[] = [];
    for (const prompt of prompts) alone.push(await answer(engine, base, prompt, { maxTokens: 32 }));
    const together = await Promise.all(prompts.map((prompt) => answer(engine, base, prompt, { maxTokens: 32 })));
    expect(together).toEqual(alone);
    expect(new Set(alone).size).toBe(8);
  });

  it('gives a seed its own answer, alone and beside others', async () => {
    const sampled = { temperature: 1.2, topP: 0.95, maxTokens: 16 };
    const seeds = [1, 2, 3, -4, 2 ** 40];
    const together = await Promise.all(seeds.map((seed) => answer(engine, base, story, { ...sampled, seed })));
    expect(new Set(together).size).toBe(seeds.length);
    for (const [index, seed] of seeds.entries()) expect(await answer(engine, base, story, { ...sampled, seed })).toBe(together[index]);
    const unseeded = await Promise.all([0, 1, 2].map(() => answer(engine, base, story, sampled)));
    expect(new Set(unseeded).size).toBe(3);
  });

  it('continues a conversation from what is cached, with the answer that it would give anew', async () => {
    const first = await answer(engine, base, story);
    const conversation = `${story}${first}<|im_end|>\n<|im_start|>user\nWhat was the fox called?<|im_end|>\n<|im_start|>assistant\n`;
    const continued = await ask(engine, base, conversation);
    expect(endOf(continued).cachedTokens).toBeGreaterThan(20);
    const fresh = await open();
    const anew = await ask(fresh, base, conversation);
    await fresh.close();
    expect(endOf(anew).cachedTokens).toBe(0);
    expect(textOf(continued)).toBe(textOf(anew));
  });

  it('serves an adapter that changes nothing exactly as the base', async () => {
    for (const prompt of [story, chat('What is the capital of France?')]) {
      expect(await answer(engine, versions.zero, prompt)).toBe(await answer(engine, base, prompt));
    }
  });

  it('answers from two adapters and their base side by side, each as it answers alone', async () => {
    const all = [versions.left, versions.right, base];
    const alone: string[] = [];
    for (const version of all) alone.push(await answer(engine, version, story));
    expect(new Set(alone).size).toBe(3);
    const asked = [...all, ...all].map((version) => answer(engine, version, story));
    expect(await Promise.all(asked)).toEqual([...alone, ...alone]);
  });

  it('joins characters that are split over tokens, and cuts at stop strings that are', async () => {
    const format = { type: 'json_schema' as const, schema: { const: 'é 😀😃 中文 one two three' } };
    const events = await ask(engine, base, story, { format, maxTokens: 99, topLogprobs: 0 });
    expect(textOf(events)).toBe('"é 😀😃 中文 one two three"');
    const deltas = events.filter((event) => event.type === 'text-delta');
    expect(
      deltas.some(({ tokens }) => tokens.some(({ text }) => text.includes('\uFFFD'))),
      'tokens are pieces of characters',
    ).toBe(true);
    expect(deltas.every(({ text }) => !text.includes('\uFFFD'))).toBe(true);
    const tokenBytes = deltas.flatMap(({ tokens }) => tokens.flatMap(({ bytes }) => bytes));
    expect(Buffer.from(tokenBytes).toString()).toBe(textOf(events));
    const stopped = await ask(engine, base, story, { format, maxTokens: 99, stop: ['wo th', 'never'] });
    expect(textOf(stopped)).toBe('"é 😀😃 中文 one t');
    expect(endOf(stopped).finishReason).toBe('stop');
  });

  it('tells the probabilities of the model, whatever the request does to them', async () => {
    const firstToken = async (more: Partial<GenerateRequest>) => {
      const events = await ask(engine, base, story, { maxTokens: 1, topLogprobs: 5, ...more });
      return events.flatMap((event) => (event.type === 'text-delta' ? event.tokens : []))[0]!;
    };
    const plain = await firstToken({});
    expect(plain.top[0]).toMatchObject({ tokenId: plain.tokenId });
    expect(plain.logprob).toBeCloseTo(plain.top[0]!.logprob, 4);
    const second = plain.top[1]!;
    const forced = await firstToken({ logitBias: { [second.tokenId]: 100 }, temperature: 1.5, topP: 0.5, presencePenalty: 2 });
    expect(forced.tokenId).toBe(second.tokenId);
    expect(forced.logprob).toBeCloseTo(second.logprob, 4);
    expect(forced.top.map(({ tokenId }) => tokenId)).toEqual(plain.top.map(({ tokenId }) => tokenId));
    expect(plain.top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeLessThanOrEqual(1.0001);
  });

  it('bans a token by its bias, and repeats itself less under penalties', async () => {
    const [first] = await engine.tokenize(base, await answer(engine, base, story, { maxTokens: 1 }), false);
    expect((await engine.tokenize(base, await answer(engine, base, story, { logitBias: { [first!]: -100 } }), false))[0]).not.toBe(first);
    const repeat = 'no, no, no, no, no, no,';
    const count = (text: string): number => text.split(' no,').length - 1;
    const free = count(await answer(engine, base, repeat));
    expect(free).toBeGreaterThan(10);
    expect(count(await answer(engine, base, repeat, { frequencyPenalty: 2, presencePenalty: 2 }))).toBeLessThan(free / 2);
  });

  it('makes any JSON object when only that is asked', async () => {
    const format = { type: 'json_object' as const };
    const text = await answer(engine, base, chat('Describe a fox as JSON with one key.'), { format, maxTokens: 120, stop: ['}'] });
    expect(text.trimStart().startsWith('{')).toBe(true);
  });

  it('refuses an adapter that is not what its hash says, and a missing file', async () => {
    const adapter = { ...versions.left.adapter!, sha256: '0'.repeat(64) };
    await expect(engine.load({ ...versions.left, id: 'ft:changed', adapter })).rejects.toMatchObject({ code: 'artifact_corrupt' });
    const missing = { ...base, id: 'gone', baseFile: join(folder, 'gone.gguf') };
    await expect(engine.load(missing)).rejects.toMatchObject({ code: 'artifact_corrupt' });
    await expect(ask(engine, base, 'x', { prompt: [49_152] })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('reads a file anew that came back with other weights', async () => {
    const file = join(folder, 'again.gguf');
    const texts: string[] = [];
    for (const seed of [2, 3]) {
      const sha256 = await writeLora(file, shape, seed, 2);
      texts.push(await answer(engine, { ...base, id: `ft:again-${sha256.slice(0, 4)}`, adapter: { file, sha256 } }, story));
    }
    expect(texts).toEqual([await answer(engine, versions.left, story), await answer(engine, versions.right, story)]);
  });
});

describe('with little room', { timeout: 120_000 }, () => {
  it('lets a running answer end while other versions take turns in the memory', async () => {
    const alone = await open();
    const expected = await answer(alone, versions.left, story, { maxTokens: 60 });
    await alone.close();
    const engine = await open({ versions: 1, slots: 2 });
    const running = answer(engine, versions.left, story, { maxTokens: 60 });
    await until(async () => (await engine.status()).active === 1, 30_000);
    const others = Promise.all([answer(engine, base, story), answer(engine, versions.right, story)]);
    expect(await running).toBe(expected);
    expect((await others).every((text) => text !== '')).toBe(true);
    expect((await engine.status()).versions).toHaveLength(1);
    await engine.close();
  });

  it('refuses the request that finds the queue full, and forgets a waiting one that is cancelled', async () => {
    const engine = await open({ slots: 1, queue: 1 });
    await engine.load(base);
    const abort = new AbortController();
    const running = ask(engine, base, story, { maxTokens: 1000 }).catch((error: unknown) => error);
    await until(async () => (await engine.status()).active === 1, 30_000);
    const request = await requestFor(engine, base, story);
    const waiting = collect(engine.generate(request, abort.signal)).catch((error: unknown) => error);
    await until(async () => (await engine.status()).waiting === 1, 5000);
    await expect(ask(engine, base, story)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    const gone = new Error('gone');
    abort.abort(gone);
    expect(await waiting).toBe(gone);
    await until(async () => (await engine.status()).waiting === 0, 1000);
    await engine.close();
    expect(await running).toMatchObject({ code: 'engine_failed' });
  });

  it('stops reading a long prompt within a second', async () => {
    const engine = await open();
    await engine.load(base);
    const [one] = await engine.tokenize(base, ' fox', false);
    const abort = new AbortController();
    const request = await requestFor(engine, base, story, { prompt: Array.from({ length: 1900 }, () => one!) });
    const reading = collect(engine.generate(request, abort.signal)).catch((error: unknown) => error);
    await until(async () => (await engine.status()).active === 1, 5000);
    abort.abort(new Error('gone'));
    await until(async () => (await engine.status()).active === 0, 1000);
    expect(await reading).toMatchObject({ message: 'gone' });
    await engine.close();
  });

  it('survives the death of its process: what ran fails, what comes next is answered', async () => {
    const engine = (await open()) as LlamaCppEngine;
    const before = await answer(engine, versions.left, story);
    const running = ask(engine, versions.left, story, { maxTokens: 1000 }).catch((error: unknown) => error);
    await until(async () => (await engine.status()).active === 1, 5000);
    process.kill(engine.pid!, 'SIGKILL');
    expect(await running).toMatchObject({ code: 'engine_failed' });
    expect(await answer(engine, versions.left, story)).toBe(before);
    expect((await engine.status()).generatedTokens).toBeGreaterThan(0);
    await engine.close();
  });
});
