/** Tokens in, text that may be shown out, each delta with the tokens that made it. */
import type { GenerateEvent, TokenLogprob } from './engine.ts';
import { TextStream } from './text-stream.ts';

/** A token whose text is not yet shown. */
interface PendingToken {
  /** Where its text begins and ends, in UTF-16 units of the answer. */
  start: number;
  end: number;
  logprob: TokenLogprob | null;
}

type TextDelta = Extract<GenerateEvent, { type: 'text-delta' }>;

export class AnswerText {
  /** Tokens taken so far, told or not. */
  tokenCount = 0;
  readonly #stream: TextStream;
  #pending: PendingToken[] = [];

  constructor(stop: readonly string[]) {
    this.#stream = new TextStream(stop);
  }

  /** Set once a stop string was found: nothing follows. */
  get stopped(): boolean {
    return this.#stream.stopped;
  }

  /** What one more token makes certain; null while its text is held back. */
  push(bytes: Uint8Array, logprob: TokenLogprob | null): TextDelta | null {
    this.tokenCount++;
    const start = this.#stream.decodedLength;
    const text = this.#stream.push(bytes);
    this.#pending.push({ start, end: this.#stream.decodedLength, logprob });
    return text !== '' || this.#stream.stopped ? this.#tell(text) : null;
  }

  /** What was held back, at the end of generation. */
  end(): TextDelta | null {
    return this.#tell(this.#stream.end());
  }

  /** Text goes out with the tokens that made it; one whose text is held back waits with it, and those of a stop string are dropped. */
  #tell(text: string): TextDelta | null {
    const shown = this.#stream.shownLength;
    const { stopped } = this.#stream;
    const told = this.#pending.filter(({ start, end }) => (stopped ? start < shown : end <= shown));
    this.#pending = stopped ? [] : this.#pending.slice(told.length);
    if (text === '' && told.length === 0) return null;
    const tokens = told.flatMap(({ logprob }) => (logprob === null ? [] : [logprob]));
    return { type: 'text-delta', text, tokens, tokenCount: told.length };
  }
}
