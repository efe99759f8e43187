/** Another server that speaks OpenAI's API: its models answer here through the same pipeline as our own. */
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest, ServedVersion } from '../engine.ts';
import { AnswerReader } from './openai-compatible/answer-reader.ts';
import { scoredPrompt, type Completed } from './openai-compatible/logprobs.ts';
import { requestBody } from './openai-compatible/request-body.ts';
import { Upstream } from './openai-compatible/upstream.ts';
import { wordText, wordTokens } from './scripted/word-tokens.ts';

/** So long the list of its models is remembered. */
const freshMs = 30_000;
/** Listing models must not wait for a server that is away. */
const listPatienceMs = 2000;

export const driver = defineDriver({
  options: z.object({
    name: z.string().describe('What its models are named after: <name>/<model>.'),
    base_url: z.string(),
    api_key: z.string().optional(),
    models: z.array(z.string()).optional().describe('Left out: whatever the server lists.'),
    context: z.int().min(1).default(32_768).describe('Longest prompt + answer; counted in words, since its tokenizer is not here.'),
    idle_seconds: z.number().positive().default(120).describe('A server that says nothing for so long has failed.'),
  }),
  open: async (options): Promise<Engine> => new OpenAiCompatibleEngine(options),
});

type Options = z.output<typeof driver.options>;

class OpenAiCompatibleEngine implements Engine {
  readonly name: string;
  readonly supports = { tools: true, grammar: true, logprobs: true, chats: true };
  readonly #options: Options;
  readonly #upstream: Upstream;
  readonly #versions = new Map<string, { id: string; loadSeconds: number }>();
  #listed: { ids: string[]; untilMs: number } = { ids: [], untilMs: 0 };
  #active = 0;
  #generatedTokens = 0;
  #isClosed = false;

  constructor(options: Options) {
    this.name = options.name;
    this.#options = options;
    this.#upstream = new Upstream(options);
  }

  /** Its weights are loaded elsewhere. */
  async load(version: ServedVersion): Promise<void> {
    this.#versions.set(version.id, { id: version.id, loadSeconds: 0 });
  }

  async unload(versionId: string): Promise<void> {
    this.#versions.delete(versionId);
  }

  async contextLength(): Promise<number> {
    return this.#options.context;
  }

  async tokenize(_version: ServedVersion, text: string): Promise<number[]> {
    return wordTokens(text);
  }

  async detokenize(_version: ServedVersion, tokenIds: number[]): Promise<string> {
    return wordText(tokenIds);
  }

  async models(): Promise<string[]> {
    if (this.#options.models) return this.#options.models;
    if (performance.now() < this.#listed.untilMs) return this.#listed.ids;
    // A server that is away keeps the models that it had; whoever asks one of them is told.
    const ids = await this.#upstream.models(AbortSignal.timeout(listPatienceMs)).catch(() => this.#listed.ids);
    this.#listed = { ids, untilMs: performance.now() + freshMs };
    return ids;
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new PlatformError('engine_unavailable', 'the engine is closed; the platform is shutting down');
    if (request.prompt.length + Math.min(1, request.maxTokens) > this.#options.context) {
      throw new PlatformError(
        'context_length_exceeded',
        `the prompt has ${request.prompt.length} words; prompt and answer together may have ${this.#options.context}`,
      );
    }
    await this.load(request.version);
    const stop = new AbortController();
    this.#active++;
    try {
      yield* this.#answer(request, AbortSignal.any([signal, stop.signal]));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      // Also when nobody reads any more.
      stop.abort(new Error('nobody reads any more'));
      this.#active--;
    }
  }

  async *#answer(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const model = request.version.id.slice(this.#options.name.length + 1);
    if (request.echo) {
      const scored = await this.#upstream.json<Completed>(
        '/completions',
        requestBody(model, request, this.#options.context, 'echo'),
        signal,
      );
      yield { type: 'prompt-scored', tokens: scoredPrompt(scored, request.topLogprobs ?? 0) };
    }
    if (request.maxTokens === 0) {
      yield { type: 'text-end', finishReason: 'length', promptTokens: request.prompt.length, completionTokens: 0, cachedTokens: 0 };
      return;
    }
    const isChat = request.messages !== undefined || request.format.type !== 'text';
    const body = requestBody(model, request, this.#options.context, isChat ? 'chat' : 'text');
    const reader = new AnswerReader(request);
    for await (const chunk of this.#upstream.stream(isChat ? '/chat/completions' : '/completions', body, signal)) {
      for (const event of reader.read(chunk)) {
        if (event.type === 'text-delta') this.#generatedTokens += event.tokenCount;
        yield event;
      }
    }
    yield* reader.end(this.#options.name);
  }

  async status(): Promise<EngineStatus> {
    const versions = [...this.#versions.values()];
    return { memoryBytes: 0, gpuMemoryBytes: 0, active: this.#active, waiting: 0, generatedTokens: this.#generatedTokens, versions };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
