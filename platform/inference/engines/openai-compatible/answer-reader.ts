/** Chunks of the other server's stream as our events. Counts of tokens are the server's own, once it has told them. */
import type { ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import type { CompletionChunk } from '#contract/openai/completions.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { GenerateEvent, GenerateRequest, TokenLogprob } from '../../engine.ts';
import { chatTokens, textTokens } from './logprobs.ts';

type Chunk = Partial<ChatCompletionChunk> | Partial<CompletionChunk>;
type Usage = NonNullable<ChatCompletionChunk['usage']>;
type ToolDelta = NonNullable<ChatCompletionChunk['choices'][number]['delta']['tool_calls']>[number];

export class AnswerReader {
  readonly #request: GenerateRequest;
  readonly #calls = new Map<number, { id: string; name: string; arguments: string }>();
  #tokens = 0;
  #finishReason: string | null = null;
  #usage: Usage | null = null;

  constructor(request: GenerateRequest) {
    this.#request = request;
  }

  *read(data: unknown): Generator<GenerateEvent> {
    const chunk = data as Chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    if (choice.finish_reason) this.#finishReason = choice.finish_reason;
    const text = 'text' in choice ? choice.text : (choice.delta?.content ?? '');
    const tokens = this.#tokensOf(choice);
    if ('delta' in choice) for (const call of choice.delta?.tool_calls ?? []) this.#addCall(call);
    if (text === '' && tokens.length === 0) return;
    const tokenCount = tokens.length > 0 ? tokens.length : 1;
    this.#tokens += tokenCount;
    yield { type: 'text-delta', text, tokens, tokenCount };
  }

  /** Throws `engine_failed` for a stream that ended before the answer did. */
  *end(name: string): Generator<GenerateEvent> {
    if (this.#finishReason === null) {
      throw new PlatformError('engine_failed', `the upstream "${name}" broke off before the answer ended; send it again`);
    }
    const completionTokens = Math.max(this.#usage?.completion_tokens ?? 0, this.#tokens);
    // Tokens that showed no text of their own.
    const unseen = this.#calls.size > 0 ? 0 : completionTokens - this.#tokens;
    if (unseen > 0) yield { type: 'text-delta', text: '', tokens: [], tokenCount: unseen };
    let index = 0;
    for (const call of this.#calls.values()) yield { type: 'tool-call', index: index++, ...call };
    yield {
      type: 'text-end',
      finishReason: this.#calls.size > 0 ? 'tool_calls' : this.#finishReason === 'length' ? 'length' : 'stop',
      promptTokens: this.#usage?.prompt_tokens ?? this.#request.prompt.length,
      completionTokens,
      cachedTokens: this.#usage?.prompt_tokens_details?.cached_tokens ?? 0,
    };
  }

  #tokensOf(choice: NonNullable<Chunk['choices']>[number]): TokenLogprob[] {
    const topCount = this.#request.topLogprobs;
    if (topCount === null || !choice.logprobs) return [];
    return 'content' in choice.logprobs ? chatTokens(choice.logprobs.content ?? [], topCount) : textTokens(choice.logprobs, topCount);
  }

  /** The name comes once, the arguments piece by piece. */
  #addCall({ index, id, function: called }: ToolDelta): void {
    const call = this.#calls.get(index) ?? { id: id ?? '', name: '', arguments: '' };
    call.name += called?.name ?? '';
    call.arguments += called?.arguments ?? '';
    this.#calls.set(index, call);
  }
}
