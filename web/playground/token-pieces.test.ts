import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';
import { expect, it } from 'vitest';
import { tokenPieces } from './token-pieces.ts';

function token(text: string, logprob: number, bytes: number[] | null = [...Buffer.from(text)]): ChatTokenLogprob {
  return { token: text, logprob, bytes, top_logprobs: [{ token: text, logprob, bytes }] };
}

it('is a piece a token, with its probability', () => {
  const pieces = tokenPieces([token('a', Math.log(0.5)), token(' b', 0, null)]);
  expect(pieces.map(({ text }) => text)).toEqual(['a', ' b']);
  expect(pieces[0]!.probability).toBeCloseTo(0.5);
  expect(pieces[0]!.others[0]!.probability).toBeCloseTo(0.5);
});

it('joins the tokens that make one character, and multiplies what they were worth', () => {
  const [first, second] = [[...Buffer.from('😀')].slice(0, 2), [...Buffer.from('😀')].slice(2)];
  const pieces = tokenPieces([token('\uFFFD', Math.log(0.5), first), token('\uFFFD', Math.log(0.5), second), token('!', 0)]);
  expect(pieces.map(({ text }) => text)).toEqual(['😀', '!']);
  expect(pieces[0]!.probability).toBeCloseTo(0.25);
});

it('shows bytes that never became a character as such', () => {
  expect(tokenPieces([token('\uFFFD', 0, [0xf0, 0x9f])]).map(({ text }) => text)).toEqual(['\uFFFD']);
});
