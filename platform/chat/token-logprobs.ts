/** Turns the engine's logprobs into OpenAI's two shapes: one for chat, one of parallel arrays for completions. */
import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';
import type { CompletionLogprobs } from '#contract/openai/completions.ts';
import type { TokenLogprob } from '#platform/inference/engine.ts';

/** OpenAI's word for "as good as impossible": JSON has no minus infinity. */
const least = -9999;

export function chatLogprobs(tokens: TokenLogprob[]): ChatTokenLogprob[] {
  return tokens.map((token) => ({
    token: token.text,
    logprob: finite(token.logprob ?? 0),
    bytes: token.bytes,
    top_logprobs: token.top.map((other) => ({ token: other.text, logprob: finite(other.logprob), bytes: other.bytes })),
  }));
}

/** `offset` is where the first token begins in the text, in characters. */
export function completionLogprobs(tokens: TokenLogprob[], offset: number): CompletionLogprobs {
  const logprobs: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for (const token of tokens) {
    logprobs.tokens.push(token.text);
    logprobs.token_logprobs.push(token.logprob === null ? null : finite(token.logprob));
    logprobs.top_logprobs.push(topByText(token));
    logprobs.text_offset.push(offset);
    offset += token.text.length;
  }
  return logprobs;
}

export function appendLogprobs(to: CompletionLogprobs, more: CompletionLogprobs): void {
  to.tokens.push(...more.tokens);
  to.token_logprobs.push(...more.token_logprobs);
  to.top_logprobs.push(...more.top_logprobs);
  to.text_offset.push(...more.text_offset);
}

/** The likeliest tokens and the chosen one; of tokens with the same text the likelier stands. Null for the first token of a prompt. */
function topByText(token: TokenLogprob): Record<string, number> | null {
  if (token.logprob === null) return null;
  const byText: Record<string, number> = {};
  for (const { text, logprob } of [...token.top, { text: token.text, logprob: token.logprob }]) {
    byText[text] = Math.max(byText[text] ?? least, finite(logprob));
  }
  return byText;
}

function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : least;
}
