/** One loaded version: its context with a pool of sequences, and the requests that are decoded in it as one batch. */
import { LlamaGrammar, type Llama, type LlamaContext, type LlamaModel } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import type { ServedVersion } from '../../engine.ts';
import { Answer, type Hearing, type Slot } from './answer.ts';
import { createGrammarState, createSampler, disposeContext, nativeContext, nativeModel, type NativeContext } from './native.ts';
import type { HostRequest } from './protocol.ts';
import { LogprobReader, samplerConfig } from './sampling.ts';
import type { TokenBytes } from './token-bytes.ts';

/**
 * Tokens of one prompt read in one batch on a CPU. From 64 on llama.cpp's attention takes another path with other rounding; below, the
 * same tokens give the same logits bit for bit, alone or beside others, in whatever pieces.
 */
const mostReadOnCpu = 32;
/** Positions whose logits are kept at once when a prompt is scored: a vocabulary of floats each. */
const mostScored = 32;
/** A step aims to be this short: a cancelled request leaves, and a new one joins, between steps. */
const stepMs = 300;

/** A pass over the weights that is saved for each token of an answer, in prompt tokens that need not be read. */
const neighbourWorth = 64;

export interface LoadedBase {
  llama: Llama;
  model: LlamaModel;
  tokens: TokenBytes;
  vocabularySize: number;
  /** Moving mean over the steps of all versions that read a prompt. */
  pace: { msPerToken: number };
}

/** One token sequence in the batch of a step. */
interface Part {
  answer: Answer;
  tokens: number[];
  /** Where the logits of each asked token stand. */
  logits: Uint32Array;
  /** The asked tokens, as indices of `tokens`. */
  asked: number[];
}

export class VersionContext {
  readonly version: ServedVersion;
  readonly loadSeconds: number;
  readonly memoryBytes: number;
  /** `performance.now()` of the last answer. */
  lastUsed = performance.now();
  generatedTokens = 0;
  readonly #base: LoadedBase;
  readonly #context: LlamaContext;
  readonly #native: NativeContext;
  readonly #contextLength: number;
  readonly #free: Slot[];
  readonly #mostRead: number;
  #answers: Answer[] = [];

  constructor(
    version: ServedVersion,
    base: LoadedBase,
    context: LlamaContext,
    limits: { contextLength: number; threads: number; loadSeconds: number },
  ) {
    this.version = version;
    this.loadSeconds = limits.loadSeconds;
    this.memoryBytes = context.memoryUsage.ram + context.memoryUsage.vram;
    this.#base = base;
    this.#context = context;
    this.#native = nativeContext(context);
    this.#native.setThreads(limits.threads);
    this.#contextLength = limits.contextLength;
    this.#mostRead = base.llama.gpu === false ? mostReadOnCpu : context.batchSize;
    this.#free = Array.from({ length: context.totalSequences }, (_, sequence) => ({ sequence, tokens: [] }));
  }

  get active(): number {
    return this.#answers.length;
  }

  get hasRoom(): boolean {
    return this.#free.length > 0;
  }

  /** Takes a sequence for the request; `hasRoom` must hold. Throws `unsupported_value` for a grammar that llama.cpp refuses. */
  start(request: HostRequest, hear: Hearing): Answer {
    const { llama, model, tokens } = this.#base;
    const grammarState = request.grammar === null ? null : createGrammarState(llama, model, compileGrammar(llama, request.grammar));
    const sampler = createSampler(llama, model);
    sampler.applyConfig(samplerConfig(request, grammarState));
    const wantsLogprobs = request.topLogprobs !== null || request.echo;
    const logprobs = wantsLogprobs ? new LogprobReader(this.#native, tokens, createSampler(llama, model)) : null;
    const slot = this.#takeSlot(request);
    const answer = new Answer({ request, slot, sampler, logprobs, contextLength: this.#contextLength, hear });
    this.#answers.push(answer);
    return answer;
  }

  /** Decodes one batch: a token of every answer that writes, and a piece of the prompts that are still read. */
  async step(): Promise<void> {
    this.#release((answer) => answer.isCancelled);
    const parts = this.#fillBatch();
    if (parts.length > 0) {
      const startMs = performance.now();
      await this.#native.decodeBatch();
      this.#learnSpeed(parts, performance.now() - startMs);
      for (const { answer, tokens: stored } of parts) answer.store(stored);
      await Promise.all(parts.map((part) => this.#continue(part).catch((error: unknown) => part.answer.fail(error))));
    }
    this.lastUsed = performance.now();
    this.#release((answer) => answer.isEnded);
  }

  /** Ends all answers after a batch that failed; what the cells hold is unknown then. */
  abandon(error: unknown): void {
    for (const answer of this.#answers) answer.fail(error);
    this.#release((answer) => answer.isEnded);
    for (const slot of this.#free) {
      slot.tokens = [];
      this.#native.disposeSequence(slot.sequence);
    }
  }

  async dispose(): Promise<void> {
    await disposeContext(this.#context);
  }

  /** Steps that only write say little about it: a lone token costs as much memory traffic as many. */
  #learnSpeed(parts: Part[], tookMs: number): void {
    if (!parts.some(({ answer }) => answer.isReading)) return;
    const tokens = parts.reduce((sum, part) => sum + part.tokens.length, 0);
    this.#base.pace.msPerToken += 0.3 * (tookMs / tokens - this.#base.pace.msPerToken);
  }

  #fillBatch(): Part[] {
    const writing = this.#answers.filter((answer) => !answer.isReading);
    const chosen: Part[] = [];
    const add = (answer: Answer, limit: number): number => {
      const tokens = answer.next(limit);
      chosen.push({ answer, tokens, asked: answer.asked(tokens), logits: new Uint32Array() });
      return tokens.length;
    };
    for (const answer of writing) add(answer, 1);
    const wanted = Math.max(1, Math.floor(stepMs / this.#base.pace.msPerToken) - writing.length);
    let room = Math.min(this.#context.batchSize - writing.length, wanted);
    for (const answer of this.#answers) {
      if (answer.isReading && room > 0) room -= add(answer, Math.min(room, this.#mostRead, answer.request.echo ? mostScored : Infinity));
    }
    if (chosen.length === 0) return chosen;
    // llama.cpp decodes neighbouring sequences in one pass over the weights, if they come in order.
    chosen.sort((left, right) => left.answer.slot.sequence - right.answer.slot.sequence);
    this.#native.initBatch(chosen.reduce((sum, part) => sum + part.tokens.length, 0));
    for (const part of chosen) {
      const { slot } = part.answer;
      part.logits = this.#native.addToBatch(slot.sequence, slot.tokens.length, Uint32Array.from(part.tokens), Uint32Array.from(part.asked));
    }
    return chosen;
  }

  /** Scores the prompt tokens of this part, and draws the next token when the prompt is read. */
  async #continue({ answer, tokens, asked, logits }: Part): Promise<void> {
    const { request, slot } = answer;
    const from = slot.tokens.length - tokens.length;
    if (request.echo && answer.isReading) {
      if (from === 0) answer.score({ ...answer.logprobs!.describe(tokens[0]!), logprob: null, top: [] });
      for (const [index, offset] of asked.entries()) {
        const following = request.prompt[from + offset + 1];
        if (following !== undefined) answer.score(await answer.logprobs!.read(logits[index]!, following, request.topLogprobs ?? 0));
      }
    }
    if (slot.tokens.length < request.prompt.length) return;
    if (answer.isReading) answer.tellScores();
    if (!answer.isEnded) await this.#draw(answer, logits.at(-1)!);
  }

  async #draw(answer: Answer, logits: number): Promise<void> {
    const token = await this.#native.sampleToken(logits, answer.sampler);
    if (token < 0) throw new PlatformError('engine_failed', 'the filters of the request left no token to draw');
    const isLast = nativeModel(this.#base.model).isEogToken(token);
    if (!isLast) this.generatedTokens++;
    const isTold = answer.logprobs !== null && answer.request.topLogprobs !== null && !isLast;
    const logprob = isTold ? await answer.logprobs!.read(logits, token, answer.request.topLogprobs!) : null;
    answer.accept(token, isLast ? null : this.#base.tokens.shown(token), logprob);
  }

  /**
   * A free sequence: one whose cells share a long beginning with the prompt, beside others that are busy. What is not shared is
   * forgotten; of equals the one freed first is taken, so that younger beginnings stay.
   */
  #takeSlot({ prompt, echo }: HostRequest): Slot {
    // The last prompt token is always decoded: its logits are needed; scoring needs those of all. With a sliding window, cells before
    // the cut may be gone already.
    const most = echo || (this.#base.model.fileInsights.swaSize ?? 0) > 0 ? 0 : prompt.length - 1;
    const busy = new Set(this.#answers.map(({ slot }) => slot.sequence));
    const choices = this.#free.map((slot) => ({ slot, shared: sharedLength(slot.tokens, prompt, most) }));
    const worth = ({ slot, shared }: { slot: Slot; shared: number }): number => {
      const neighbours = Number(busy.has(slot.sequence - 1)) + Number(busy.has(slot.sequence + 1));
      return shared + neighbours * neighbourWorth;
    };
    const { slot, shared } = choices.reduce((best, next) => (worth(next) > worth(best) ? next : best));
    this.#free.splice(this.#free.indexOf(slot), 1);
    const isKept = shared > 0 && (shared === slot.tokens.length || this.#native.removeTokenCellsFromSequence(slot.sequence, shared, -1));
    if (!isKept) this.#native.disposeSequence(slot.sequence);
    slot.tokens = isKept ? slot.tokens.slice(0, shared) : [];
    return slot;
  }

  #release(isOver: (answer: Answer) => boolean): void {
    for (const answer of this.#answers.filter(isOver)) {
      answer.sampler.dispose();
      answer.logprobs?.dispose();
      this.#free.push(answer.slot);
    }
    this.#answers = this.#answers.filter((answer) => !isOver(answer));
  }
}

function compileGrammar(llama: Llama, grammar: string): LlamaGrammar {
  try {
    return new LlamaGrammar(llama, { grammar });
  } catch (cause) {
    const message =
      'response_format: this schema makes a grammar that llama.cpp cannot read (a schema that begins with itself, or is too large)';
    throw new PlatformError('unsupported_value', message, { cause, param: 'response_format' });
  }
}

function sharedLength(left: number[], right: number[], most: number): number {
  let length = 0;
  while (length < left.length && length < most && left[length] === right[length]) length++;
  return length;
}
