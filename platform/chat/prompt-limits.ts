/** Checks that a prompt fits the version that shall answer it, before anything is queued. */
import { PlatformError } from '#platform/core/errors.ts';
import type { ResolvedVersion } from './chat.ts';

/**
 * How many tokens may be generated after this prompt: what was asked for, at most what is left of the context; an answer that
 * ends for lack of room says "length". Throws `context_length_exceeded` when the prompt alone is too long.
 */
export function tokensLeft(resolved: ResolvedVersion, promptTokens: number, wanted: number | null, param: string): number {
  const left = resolved.contextLength - promptTokens;
  const isScoringOnly = wanted === 0;
  if (left < (isScoringOnly ? 0 : 1)) {
    throw new PlatformError(
      'context_length_exceeded',
      `"${resolved.version.id}" reads at most ${resolved.contextLength} tokens, prompt and answer together; "${param}" alone has ` +
        `${promptTokens}. Shorten it, or raise TUNELOOP_ENGINE_CONTEXT if the model was trained for more.`,
      { param },
    );
  }
  return wanted === null ? left : Math.min(wanted, left);
}

/** Throws `invalid_request` for a token id that the model does not have: an engine must never see one. */
export function checkTokenIds(resolved: ResolvedVersion, tokenIds: Iterable<number>, param: string): void {
  const size = resolved.vocabularySize;
  if (size === null) return;
  for (const tokenId of tokenIds) {
    if (tokenId < size) continue;
    throw new PlatformError('invalid_request', `${param}: there is no token ${tokenId}; "${resolved.version.id}" has ${size}, from 0 on`, {
      param,
    });
  }
}
