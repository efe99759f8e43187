/**
 * The native layer of node-llama-cpp (pinned: 3.22.1) as our own batching drives it.
 *
 * The library's own loop begins a batch before every sequence has drawn its token (seen: seven streams of eight, at 1.3 to 1.5 times the
 * CPU), and it tells probabilities only after the filters. Both need the layer below, which is not part of its public types.
 */
import type { Llama, LlamaContext, LlamaGrammar, LlamaModel } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';

/** One `llama_context`: a KV cache of several sequences, and one batch at a time. */
export interface NativeContext {
  /** Frees the last batch and makes room for exactly `size` tokens. */
  initBatch(size: number): void;
  /** Appends tokens at `firstPosition` of a sequence; returns, for each index in `logitIndexes`, where its logits will stand. */
  addToBatch(sequence: number, firstPosition: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /** The next token, or −1 when the filters left none. The sampler has then accepted it. */
  sampleToken(logits: number, sampler: NativeSampler): Promise<number>;
  /**
   * Also `[…, …, …, pairs, weight]`: `pairs` is token, logit, token, logit, … of the `top` best (best first), of `tokens` and of the
   * sampled one; `weight` is Σ exp(logit − best logit) over the vocabulary.
   */
  sampleToken(
    logits: number,
    sampler: NativeSampler,
    probabilities: false,
    confidence: false,
    filter: [tokens: number[], highest: false, lowest: false, selected: true, top: number],
    weight: true,
  ): Promise<[number, undefined, undefined, number[], number]>;
  /** Forgets the cells of a sequence from `start` to before `end` (−1: all after). False: this kind of model cannot. */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  disposeSequence(sequence: number): void;
  setThreads(threads: number): void;
}

export interface NativeSampler {
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

/** Left-out fields are filters that are not in the chain. */
export interface SamplerConfig {
  /** 0 is greedy. */
  temperature: number;
  topK?: number;
  topP?: number;
  minP?: number;
  /** Unsigned 32 bits; 0xFFFFFFFF would mean random. */
  seed: number;
  repeatPenalty?: number;
  /** How many of the last tokens count. */
  repeatPenaltyMaxTokens?: number;
  repeatPenaltyTokens?: Uint32Array;
  repeatPenaltyPresencePenalty?: number;
  repeatPenaltyFrequencyPenalty?: number;
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
  grammarEvaluationState?: object;
}

/** The vocabulary and the LoRA files of one loaded model. */
export interface NativeModel {
  /** A token as the vocabulary spells it: not yet bytes. */
  getTokenString(token: number): string;
  /** Bits of `tokenAttribute` in token-bytes.ts. */
  getTokenAttributes(token: number): number;
  isEogToken(token: number): boolean;
}

interface Hidden {
  _ctx?: NativeContext;
  _model?: NativeModel;
  _grammar?: object;
  _bindings?: {
    AddonSampler: new (model: NativeModel) => NativeSampler;
    AddonGrammarEvaluationState: new (model: NativeModel, grammar: object) => object;
  };
  _loraAdapters?: Map<string, NativeAdapter>;
}
interface HiddenOfContext {
  _loraAdapters?: Set<NativeAdapter>;
  _setLoras?: (adapters: { filePath: string }[]) => Promise<void>;
}
interface NativeAdapter {
  dispose(): Promise<void>;
}

export function nativeContext(context: LlamaContext): NativeContext {
  return expectPart((context as unknown as Hidden)._ctx);
}

export function nativeModel(model: LlamaModel): NativeModel {
  return expectPart((model as unknown as Hidden)._model);
}

export function createSampler(llama: Llama, model: LlamaModel): NativeSampler {
  const bindings = expectPart((llama as unknown as Hidden)._bindings);
  return new bindings.AddonSampler(nativeModel(model));
}

/** Where a text stands in its grammar; the sampler moves it on. */
export function createGrammarState(llama: Llama, model: LlamaModel, grammar: LlamaGrammar): object {
  const bindings = expectPart((llama as unknown as Hidden)._bindings);
  return new bindings.AddonGrammarEvaluationState(nativeModel(model), expectPart((grammar as unknown as Hidden)._grammar));
}

/** Lays an adapter over a context. Its file is read anew: the library keeps what it read by path, whatever the file holds since. */
export async function setAdapter(context: LlamaContext, file: string): Promise<void> {
  expectPart((context.model as unknown as Hidden)._loraAdapters).delete(file);
  const hidden = context as unknown as HiddenOfContext;
  expectPart(hidden._setLoras);
  await hidden._setLoras!([{ filePath: file }]);
}

/** Frees a context and the weights of its adapter, which the library would keep as long as the base model. */
export async function disposeContext(context: LlamaContext): Promise<void> {
  const adapters = [...expectPart((context as unknown as HiddenOfContext)._loraAdapters)];
  await context.dispose();
  for (const adapter of adapters) await adapter.dispose();
}

function expectPart<Part>(part: Part | undefined): Part {
  if (part !== undefined) return part;
  throw new PlatformError(
    'engine_failed',
    'node-llama-cpp is not the pinned version 3.22.1: its native layer has another shape; run `npm ci`',
  );
}
