/** A request's sampling fields as llama.cpp's chain of samplers, and the model's own probabilities beside it. */
import { randomInt } from 'node:crypto';
import type { TokenLogprob } from '../../engine.ts';
import type { NativeContext, NativeSampler, SamplerConfig } from './native.ts';
import type { HostRequest } from './protocol.ts';
import type { TokenBytes } from './token-bytes.ts';

/** The one seed that llama.cpp takes for "random". */
const randomSeed = 0xffff_ffff;

/**
 * Chain: bias, penalties, top k, top p, min p, temperature, draw. Penalties count the generated tokens only, each as in OpenAI's formula
 * (logit − count × frequency − (count > 0) × presence).
 */
export function samplerConfig(request: HostRequest, grammarState: object | null): SamplerConfig {
  const biases = Object.entries(request.logitBias);
  const isPenalised = request.frequencyPenalty !== 0 || request.presencePenalty !== 0;
  return {
    temperature: request.temperature,
    seed: request.seed === null ? randomInt(randomSeed) : foldSeed(request.seed),
    ...(request.topK !== null && { topK: request.topK }),
    ...(request.topP < 1 && { topP: request.topP }),
    ...(request.minP !== null && { minP: request.minP }),
    ...(biases.length > 0 && {
      tokenBiasKeys: Uint32Array.from(biases, ([token]) => Number(token)),
      tokenBiasValues: Float32Array.from(biases, ([, bias]) => bias),
    }),
    ...(isPenalised && {
      repeatPenalty: 1,
      repeatPenaltyMaxTokens: Math.max(1, request.maxTokens),
      // The sampler adds each token that it draws.
      repeatPenaltyTokens: new Uint32Array(),
      repeatPenaltyFrequencyPenalty: request.frequencyPenalty,
      repeatPenaltyPresencePenalty: request.presencePenalty,
    }),
    ...(grammarState !== null && { grammarEvaluationState: grammarState }),
  };
}

/** Any safe integer, negative ones too, to 32 bits; those of 32 bits stay what they are. */
export function foldSeed(seed: number): number {
  const bits = BigInt.asUintN(64, BigInt(Math.trunc(seed)));
  // An odd factor keeps different high halves apart; plain XOR would make −4 and 3 the same.
  const high = Math.imul(Number(bits >> 32n), 0x9e37_79b1);
  const folded = (Number(bits & 0xffff_ffffn) ^ high) >>> 0;
  return folded === randomSeed ? 0 : folded;
}

/** Reads logarithms of the model's probabilities: temperature 1, nothing biased, penalised, filtered or forbidden. */
export class LogprobReader {
  readonly #context: NativeContext;
  readonly #tokens: TokenBytes;
  /** Greedy, so that its choice is the best logit. */
  readonly #sampler: NativeSampler;

  constructor(context: NativeContext, tokens: TokenBytes, sampler: NativeSampler) {
    this.#context = context;
    this.#tokens = tokens;
    this.#sampler = sampler;
    sampler.applyConfig({ temperature: 0, seed: 0 });
  }

  /** Of `tokenId` after the position whose logits stand at `logits`, with the `topCount` likeliest. */
  async read(logits: number, tokenId: number, topCount: number): Promise<TokenLogprob> {
    const answer = await this.#context.sampleToken(logits, this.#sampler, false, false, [[tokenId], false, false, true, topCount], true);
    const [, , , pairs, weight] = answer;
    const logitOf = new Map<number, number>();
    for (let index = 0; index + 1 < pairs.length; index += 2) logitOf.set(pairs[index]!, pairs[index + 1]!);
    const best = Math.max(...logitOf.values());
    // log p(t) = l(t) − log Σ exp(l) = l(t) − best − log Σ exp(l − best)
    const logprob = (token: number): number => Math.min(0, logitOf.get(token)! - best - Math.log(weight));
    const top = Array.from({ length: Math.min(topCount, pairs.length / 2) }, (_, index) => pairs[2 * index]!);
    return {
      ...this.describe(tokenId),
      logprob: logprob(tokenId),
      top: top.map((token) => ({ ...this.describe(token), logprob: logprob(token) })),
    };
  }

  describe(tokenId: number): { tokenId: number; text: string; bytes: number[] } {
    const bytes = this.#tokens.spelt(tokenId);
    return { tokenId, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), bytes: Array.from(bytes) };
  }

  dispose(): void {
    this.#sampler.dispose();
  }
}
