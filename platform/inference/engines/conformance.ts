/** What every engine promises; each engine's test runs it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, GenerateEvent, GenerateRequest, ServedVersion } from '../engine.ts';
import { greedyRequest } from '../greedy-request.ts';

export interface EngineCase {
  open: () => Promise<Engine>;
  version: ServedVersion;
  /** A text whose answer has at least twelve tokens. */
  prompt: string;
  /** A text whose answer takes so long that a test can watch it. */
  longPrompt: string;
}

export const never = new AbortController().signal;

export async function requestFor(
  engine: Engine,
  version: ServedVersion,
  text: string,
  more: Partial<GenerateRequest> = {},
): Promise<GenerateRequest> {
  const prompt = await engine.tokenize(version, text, true);
  return { ...greedyRequest(version, prompt, 12), lastUserText: text, ...more };
}

export async function collect(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const collected: GenerateEvent[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}

export function textOf(events: GenerateEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
}

export function endOf(events: GenerateEvent[]): Extract<GenerateEvent, { type: 'text-end' }> {
  const end = events.at(-1);
  if (end?.type !== 'text-end') throw new Error(`the last event is ${end?.type ?? 'missing'}`);
  return end;
}

/** Waits until it is so; fails when it takes longer than `limitMs`. */
export async function until(isSo: () => Promise<boolean>, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`it is not so after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function describeEngine(name: string, { open, version, prompt, longPrompt }: EngineCase): void {
  describe(`the ${name} engine`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
      await engine.load(version);
    });
    afterAll(() => engine.close());

    const ask = async (more: Partial<GenerateRequest> = {}, text = prompt): Promise<GenerateEvent[]> =>
      collect(engine.generate(await requestFor(engine, version, text, more), never));

    it('turns text into tokens and back', async () => {
      for (const text of ['Hello, wörld! 中文 😀', 'a', '  two\n\nlines ']) {
        expect(await engine.detokenize(version, await engine.tokenize(version, text, false))).toBe(text);
      }
    });

    it('tells deltas, then one end with the counts', async () => {
      const events = await ask();
      const end = endOf(events);
      expect(events.filter(({ type }) => type === 'text-end')).toHaveLength(1);
      expect(events.slice(0, -1).every(({ type }) => type === 'text-delta')).toBe(true);
      expect(end.promptTokens).toBe((await engine.tokenize(version, prompt, true)).length);
      expect(events.reduce((sum, event) => sum + (event.type === 'text-delta' ? event.tokenCount : 0), 0)).toBe(end.completionTokens);
      expect(textOf(events)).not.toBe('');
    });

    it('ends with "length" after the most tokens, and generates none when none are wanted', async () => {
      expect(endOf(await ask({ maxTokens: 3 }))).toMatchObject({ finishReason: 'length', completionTokens: 3 });
      expect(await ask({ maxTokens: 0 })).toEqual([
        expect.objectContaining({ type: 'text-end', finishReason: 'length', completionTokens: 0 }),
      ]);
    });

    it('says the same again to the same request', async () => {
      expect(textOf(await ask({ seed: 7, temperature: 1 }))).toBe(textOf(await ask({ seed: 7, temperature: 1 })));
    });

    it('ends before a stop string and shows none of it', async () => {
      const whole = textOf(await ask());
      const stop = whole.slice(5, 9);
      const events = await ask({ stop: [stop] });
      expect(textOf(events)).toBe(whole.slice(0, whole.indexOf(stop)));
      expect(endOf(events).finishReason).toBe('stop');
    });

    it('tells the log-probability of each token and the best alternatives in order', async () => {
      const events = await ask({ topLogprobs: 3 });
      const tokens = events.flatMap((event) => (event.type === 'text-delta' ? event.tokens : []));
      expect(tokens).toHaveLength(endOf(events).completionTokens);
      for (const token of tokens) {
        expect(token.logprob).toBeLessThanOrEqual(0);
        expect(token.top).toHaveLength(3);
        expect(token.top.map(({ logprob }) => logprob)).toEqual(token.top.map(({ logprob }) => logprob).toSorted((a, b) => b - a));
        expect(Buffer.from(token.bytes).toString()).toBe(token.text);
      }
      expect(tokens.map(({ text }) => text).join('')).toBe(textOf(events));
    });

    it('scores the prompt itself, first of all', async () => {
      const events = await ask({ echo: true, maxTokens: 0, topLogprobs: 1 });
      const [scored, end] = events;
      expect(end).toMatchObject({ type: 'text-end', completionTokens: 0 });
      if (scored?.type !== 'prompt-scored') throw new Error('the prompt is not scored');
      expect(scored.tokens.map(({ tokenId }) => tokenId)).toEqual(await engine.tokenize(version, prompt, true));
      expect(scored.tokens[0]!.logprob).toBeNull();
      for (const { logprob } of scored.tokens.slice(1)) expect(logprob).toBeLessThanOrEqual(0);
    });

    it('keeps to a schema, or refuses it, and one that it cannot promise, before the first event', async () => {
      const schema = { type: 'object', properties: { colour: { enum: ['red', 'blue'] } }, required: ['colour'] };
      if (!engine.supports.grammar) {
        const unserved = ask({ format: { type: 'json_schema', schema } });
        return expect(unserved).rejects.toMatchObject({ code: 'unsupported_value', param: 'response_format' });
      }
      const json = JSON.parse(textOf(await ask({ maxTokens: 200, format: { type: 'json_schema', schema } }))) as { colour: string };
      expect(['red', 'blue']).toContain(json.colour);
      const refused = { type: 'json_schema' as const, schema: { type: 'string', pattern: '^a$' } };
      await expect(ask({ format: refused })).rejects.toMatchObject({ code: 'unsupported_value' });
      return undefined;
    });

    it('refuses a prompt that fills the context', async () => {
      const length = await engine.contextLength(version);
      const one = (await engine.tokenize(version, 'a', false))[0]!;
      await expect(ask({ prompt: Array.from({ length }, () => one) })).rejects.toMatchObject({ code: 'context_length_exceeded' });
    });

    it('throws the reason of an abort and stops generating within a second', async () => {
      const abort = new AbortController();
      const reason = new Error('the client is gone');
      const reading = (async () => {
        const request = await requestFor(engine, version, longPrompt, { maxTokens: 1000 });
        for await (const event of engine.generate(request, abort.signal)) if (event.type === 'text-delta') abort.abort(reason);
      })();
      await expect(reading).rejects.toBe(reason);
      await until(async () => (await engine.status()).active === 0, 1000);
      const { generatedTokens } = await engine.status();
      expect(generatedTokens).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect((await engine.status()).generatedTokens).toBe(generatedTokens);
    });

    it('stops when nobody reads any more, and does not begin when it was aborted before', async () => {
      for await (const event of engine.generate(await requestFor(engine, version, longPrompt, { maxTokens: 1000 }), never)) {
        if (event.type === 'text-delta') break;
      }
      await until(async () => (await engine.status()).active === 0, 1000);
      const { generatedTokens } = await engine.status();
      const request = await requestFor(engine, version, prompt);
      await expect(collect(engine.generate(request, AbortSignal.abort(new Error('too late'))))).rejects.toThrow('too late');
      expect((await engine.status()).generatedTokens).toBe(generatedTokens);
    });

    it('knows what is loaded; what was unloaded is loaded again when it is asked', async () => {
      await engine.load(version);
      const ids = async (): Promise<string[]> => (await engine.status()).versions.map(({ id }) => id);
      expect((await ids()).filter((id) => id === version.id)).toHaveLength(1);
      await engine.unload(version.id);
      expect(await ids()).not.toContain(version.id);
      expect(textOf(await ask())).not.toBe('');
      expect(await ids()).toContain(version.id);
    });

    it('is unavailable once it is closed', async () => {
      const closing = await open();
      const request = await requestFor(engine, version, prompt);
      await closing.close();
      await expect(collect(closing.generate(request, never))).rejects.toMatchObject({ code: 'engine_unavailable' });
    });
  });
}
