/** An engine without a model, for testing clients: it says what the last user message tells it to, token by token. */
import { createHash } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest, ServedVersion, TokenLogprob } from '../engine.ts';
import { TextStream } from '../text-stream.ts';
import { jsonSchemaGrammar } from './llama-cpp/json-grammar.ts';
import { sampleJson } from './scripted/sample-json.ts';
import { readScript, Script } from './scripted/script.ts';
import { tokenBytes, wordText, wordTokens } from './scripted/word-tokens.ts';

/** Tokens said at a stretch before others get a turn. */
const stretch = 64;

export const driver = defineDriver({
  options: z.object({ context: z.int().min(1).default(32_768).describe('Longest prompt + answer in tokens.') }),
  open: async ({ context }): Promise<Engine> => new ScriptedEngine(context),
});

class ScriptedEngine implements Engine {
  readonly name = 'scripted';
  readonly supports = { tools: true, grammar: true, logprobs: true };
  readonly #context: number;
  readonly #versions = new Map<string, { id: string; loadSeconds: number }>();
  #active = 0;
  #generatedTokens = 0;
  #isClosed = false;

  constructor(context: number) {
    this.#context = context;
  }

  async load(version: ServedVersion): Promise<void> {
    this.#versions.set(version.id, { id: version.id, loadSeconds: 0 });
  }

  async unload(versionId: string): Promise<void> {
    this.#versions.delete(versionId);
  }

  async contextLength(): Promise<number> {
    return this.#context;
  }

  async tokenize(_version: ServedVersion, text: string): Promise<number[]> {
    return wordTokens(text);
  }

  async detokenize(_version: ServedVersion, tokenIds: number[]): Promise<string> {
    return wordText(tokenIds);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new PlatformError('engine_unavailable', 'the engine is closed; the platform is shutting down');
    if (request.prompt.length + Math.min(1, request.maxTokens) > this.#context) {
      throw new PlatformError(
        'context_length_exceeded',
        `the prompt has ${request.prompt.length} tokens; prompt and answer together may have ${this.#context}`,
      );
    }
    await this.load(request.version);
    this.#active++;
    try {
      yield* this.#play(request, signal);
    } finally {
      this.#active--;
    }
  }

  async status(): Promise<EngineStatus> {
    const versions = [...this.#versions.values()];
    return { memoryBytes: 0, gpuMemoryBytes: 0, active: this.#active, waiting: 0, generatedTokens: this.#generatedTokens, versions };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async *#play(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const asked = request.lastUserText ?? wordText(request.prompt);
    const script = readScript(asked) ?? Script.parse({});
    const calls = toolCalls(script, request);
    const saidTokens = wordTokens(textOf(script, request, asked));
    if (request.echo)
      yield { type: 'prompt-scored', tokens: request.prompt.map((id, index) => invented(id, request.topLogprobs ?? 0, index > 0)) };
    const stream = new TextStream(request.stop);
    const most = Math.min(request.maxTokens, this.#context - request.prompt.length);
    let count = 0;
    for (const id of saidTokens.slice(0, most)) {
      await this.#beforeToken(script, count, signal);
      count++;
      this.#generatedTokens++;
      const text = stream.push(tokenBytes(id));
      const tokens = request.topLogprobs === null ? [] : [invented(id, request.topLogprobs, true)];
      if (text !== '' || !stream.stopped) yield { type: 'text-delta', text, tokens, tokenCount: 1 };
      if (stream.stopped) break;
    }
    const rest = stream.end();
    if (rest !== '') yield { type: 'text-delta', text: rest, tokens: [], tokenCount: 0 };
    const isCut = !stream.stopped && count < saidTokens.length;
    if (!stream.stopped && !isCut) {
      if (calls.length > 0 || script.fail_after !== undefined) await this.#beforeToken(script, count, signal);
      yield* calls;
      for (const call of calls) count += wordTokens(call.arguments).length;
    }
    const finishReason = stream.stopped ? 'stop' : isCut ? 'length' : calls.length > 0 ? 'tool_calls' : script.finish_reason;
    yield { type: 'text-end', finishReason, promptTokens: request.prompt.length, completionTokens: count, cachedTokens: 0 };
  }

  /** Waits, lets others have a turn, fails where the script says so. */
  async #beforeToken(script: Script, count: number, signal: AbortSignal): Promise<void> {
    if (script.delay_ms > 0) await setTimeout(script.delay_ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    else if (count % stretch === stretch - 1) await setImmediate();
    signal.throwIfAborted();
    if (script.fail_after !== undefined && count >= script.fail_after) {
      throw new PlatformError(script.error, `the script fails after ${script.fail_after} tokens`);
    }
  }
}

function textOf(script: Script, { format, version }: GenerateRequest, asked: string): string {
  if (script.say_version) return `${version.id} `.repeat(script.repeat).trimEnd();
  if (script.text !== undefined) return script.text.repeat(script.repeat);
  if (script.tool_calls.length > 0) return '';
  if (format.type === 'json_object') return JSON.stringify({ you_said: asked });
  if (format.type === 'text') return `You said: ${asked}`.repeat(script.repeat);
  // What a real engine would refuse is refused here too.
  jsonSchemaGrammar(format.schema);
  return JSON.stringify(sampleJson(format.schema, format.schema));
}

function toolCalls(script: Script, { tools }: GenerateRequest): Extract<GenerateEvent, { type: 'tool-call' }>[] {
  const offered = (tools ?? []) as { function?: { name?: string } }[];
  return script.tool_calls.map(({ name, arguments: given }, index) => {
    if (!offered.some((tool) => tool.function?.name === name)) {
      throw new PlatformError('invalid_request', `the script calls the tool "${name}", which the request does not offer`, {
        param: 'tools',
      });
    }
    const text = typeof given === 'string' ? given : JSON.stringify(given);
    const id = `call_${createHash('sha256').update(`${index} ${name} ${text}`).digest('hex').slice(0, 24)}`;
    return { type: 'tool-call', index, id, name, arguments: text };
  });
}

/** Probabilities that no model gave: made from the id, so that they are always the same. Best of the alternatives is the token itself. */
function invented(id: number, topCount: number, isScored: boolean): TokenLogprob {
  const describe = (tokenId: number): { tokenId: number; text: string; bytes: number[] } => {
    const bytes = tokenBytes(tokenId);
    return { tokenId, text: wordText([tokenId]), bytes: Array.from(bytes) };
  };
  const logprob = -(id % 97) / 200;
  if (!isScored) return { ...describe(id), logprob: null, top: [] };
  const others = Array.from({ length: Math.max(0, topCount - 1) }, (_, index) => ({ ...describe(index), logprob: logprob - index - 1 }));
  return { ...describe(id), logprob, top: topCount === 0 ? [] : [{ ...describe(id), logprob }, ...others] };
}
