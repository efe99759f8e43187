/** OpenAI's two shapes of log-probabilities as ours. Ids of another tokenizer mean nothing here: a token is named by its text. */
import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';
import type { CompletionLogprobs } from '#contract/openai/completions.ts';
import type { TokenLogprob } from '../../engine.ts';
import { wordTokens } from '../scripted/word-tokens.ts';

/** A whole answer of /completions, as far as it is read. */
export interface Completed {
  choices: { logprobs?: CompletionLogprobs | null }[];
}

export function chatTokens(content: ChatTokenLogprob[], topCount: number): TokenLogprob[] {
  return content.map(({ token, logprob, bytes, top_logprobs: top }) => ({
    ...named(token, bytes),
    logprob,
    top: top.slice(0, topCount).map((other) => ({ ...named(other.token, other.bytes), logprob: other.logprob })),
  }));
}

/** The parallel arrays of completions; of the alternatives the likeliest, best first. */
export function textTokens({ tokens, token_logprobs: logprobs, top_logprobs: tops }: CompletionLogprobs, topCount: number): TokenLogprob[] {
  return tokens.map((token, index) => {
    const top = Object.entries(tops?.[index] ?? {}).map(([text, logprob]) => ({ ...named(text, null), logprob }));
    const best = top.toSorted((left, right) => right.logprob - left.logprob).slice(0, topCount);
    return { ...named(token, null), logprob: logprobs[index] ?? null, top: best };
  });
}

export function scoredPrompt({ choices }: Completed, topCount: number): TokenLogprob[] {
  const scored = choices[0]?.logprobs;
  return scored ? textTokens(scored, topCount) : [];
}

function named(text: string, bytes: number[] | null): { tokenId: number; text: string; bytes: number[] } {
  return { tokenId: wordTokens(text)[0] ?? 0, text, bytes: bytes ?? [...Buffer.from(text)] };
}
