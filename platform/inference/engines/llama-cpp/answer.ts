/** One request while it is answered: what it still has to read, what it has said, and when it is over. */
import { AnswerText } from '../../answer-text.ts';
import type { GenerateEvent, TokenLogprob } from '../../engine.ts';
import type { NativeSampler } from './native.ts';
import type { HostRequest } from './protocol.ts';
import type { LogprobReader } from './sampling.ts';

export interface AnswerParts {
  request: HostRequest;
  /** Of the version's KV cache. */
  slot: Slot;
  sampler: NativeSampler;
  /** Null when no logprobs are wanted. */
  logprobs: LogprobReader | null;
  contextLength: number;
  hear: Hearing;
}

/** Whoever waits for the answer. */
export interface Hearing {
  event: (event: GenerateEvent) => void;
  /** Instead of `text-end`. */
  failure: (error: unknown) => void;
}

/** One sequence of a KV cache and the tokens whose cells it holds. */
export interface Slot {
  sequence: number;
  tokens: number[];
}

export class Answer {
  readonly request: HostRequest;
  readonly slot: Slot;
  readonly sampler: NativeSampler;
  readonly logprobs: LogprobReader | null;
  isCancelled = false;
  isEnded = false;
  readonly #hear: Hearing;
  readonly #contextLength: number;
  readonly #text: AnswerText;
  readonly #cachedTokens: number;
  #scored: TokenLogprob[] = [];
  /** The last token drawn, whose cell is not yet in the cache. */
  #drawn: number | null = null;

  constructor({ request, slot, sampler, logprobs, contextLength, hear }: AnswerParts) {
    this.request = request;
    this.slot = slot;
    this.sampler = sampler;
    this.logprobs = logprobs;
    this.#contextLength = contextLength;
    this.#hear = hear;
    this.#text = new AnswerText(request.stop);
    this.#cachedTokens = slot.tokens.length;
  }

  get isReading(): boolean {
    return this.#drawn === null;
  }

  /** The next tokens whose cells must be made, at most `limit`: a piece of the prompt, or the token drawn last. */
  next(limit: number): number[] {
    const done = this.slot.tokens.length;
    return this.#drawn === null ? this.request.prompt.slice(done, done + limit) : [this.#drawn];
  }

  /** Indices of `next()`'s tokens after which the model is asked: all of them when the prompt is scored, else the last of the prompt. */
  asked(tokens: number[]): number[] {
    const done = this.slot.tokens.length;
    if (this.#drawn !== null) return [0];
    if (this.request.echo) return Array.from(tokens.keys());
    return done + tokens.length === this.request.prompt.length ? [tokens.length - 1] : [];
  }

  /** The cells of these tokens are in the cache. */
  store(tokens: number[]): void {
    this.slot.tokens.push(...tokens);
  }

  score(token: TokenLogprob): void {
    this.#scored.push(token);
  }

  /** After the prompt, before the first token. */
  tellScores(): void {
    if (this.request.echo) this.#hear.event({ type: 'prompt-scored', tokens: this.#scored });
    this.#scored = [];
    if (this.request.maxTokens === 0) this.end('length');
  }

  /** Takes the token that was drawn; `bytes` is null for a token that ends the generation. */
  accept(token: number, bytes: Uint8Array | null, logprob: TokenLogprob | null): void {
    if (bytes === null) return this.#finish('stop');
    this.#drawn = token;
    this.#tell(this.#text.push(bytes, logprob));
    if (this.#text.stopped) return this.end('stop');
    const isFull = this.request.prompt.length + this.#text.tokenCount >= this.#contextLength;
    if (isFull || this.#text.tokenCount >= this.request.maxTokens) this.#finish('length');
  }

  fail(error: unknown): void {
    this.isEnded = true;
    this.#hear.failure(error);
  }

  end(finishReason: 'stop' | 'length'): void {
    this.isEnded = true;
    const promptTokens = this.request.prompt.length;
    const counts = { promptTokens, completionTokens: this.#text.tokenCount, cachedTokens: this.#cachedTokens };
    this.#hear.event({ type: 'text-end', finishReason, ...counts });
  }

  #finish(finishReason: 'stop' | 'length'): void {
    this.#tell(this.#text.end());
    this.end(this.#text.stopped ? 'stop' : finishReason);
  }

  #tell(delta: GenerateEvent | null): void {
    if (delta !== null) this.#hear.event(delta);
  }
}
