/** Tokens as pieces of text that can be shown: a character that several tokens make is one piece. */
import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';

export interface TokenPiece {
  text: string;
  /** Of all its tokens together, 0 to 1. */
  probability: number;
  /** What else could have stood here, likeliest first; of the first token where there are several. */
  others: { text: string; probability: number }[];
}

export function tokenPieces(tokens: readonly ChatTokenLogprob[]): TokenPiece[] {
  const pieces: TokenPiece[] = [];
  let open: OpenPiece | null = null;
  for (const token of tokens) {
    const bytes = token.bytes ?? [...new TextEncoder().encode(token.token)];
    open = joined(open, token, bytes);
    const text = decoded(open.bytes);
    if (text === null) continue;
    pieces.push(pieceOf(text, open.logprob, open.first));
    open = null;
  }
  if (open) pieces.push(pieceOf(new TextDecoder().decode(Uint8Array.from(open.bytes)), open.logprob, open.first));
  return pieces;
}

/** Bytes that are no whole character yet. */
interface OpenPiece {
  bytes: number[];
  logprob: number;
  first: ChatTokenLogprob;
}

function joined(open: OpenPiece | null, token: ChatTokenLogprob, bytes: number[]): OpenPiece {
  if (!open) return { bytes, logprob: token.logprob, first: token };
  return { ...open, bytes: [...open.bytes, ...bytes], logprob: open.logprob + token.logprob };
}

function pieceOf(text: string, logprob: number, { top_logprobs: top }: ChatTokenLogprob): TokenPiece {
  return {
    text,
    probability: Math.exp(logprob),
    others: top.map(({ token, logprob: other }) => ({ text: token, probability: Math.exp(other) })),
  };
}

/** Null for bytes that end within a character. */
function decoded(bytes: number[]): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
