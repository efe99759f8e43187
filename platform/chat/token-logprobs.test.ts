import type { TokenLogprob } from '#platform/inference/engine.ts';
import { expect, it } from 'vitest';
import { chatLogprobs, completionLogprobs } from './token-logprobs.ts';

const token = (text: string, logprob: number | null, top: [string, number][] = []): TokenLogprob => ({
  tokenId: 1,
  text,
  bytes: [...Buffer.from(text)],
  logprob,
  top: top.map(([other, value]) => ({ tokenId: 2, text: other, bytes: [...Buffer.from(other)], logprob: value })),
});

it('keeps the first token of a prompt without a logprob, as evaluation harnesses expect', () => {
  const { token_logprobs, top_logprobs } = completionLogprobs([token('The', null), token(' end', -0.5, [[' end', -0.5]])], 0);
  expect(token_logprobs).toEqual([null, -0.5]);
  expect(top_logprobs).toEqual([null, { ' end': -0.5 }]);
});

it('says where each token begins in the text', () => {
  expect(completionLogprobs([token('ab', -1), token('c', -1), token('', -1)], 10).text_offset).toEqual([10, 12, 13]);
});

it('tells the chosen token among the likeliest even when it is none of them', () => {
  expect(completionLogprobs([token('rare', -9, [['usual', -0.1]])], 0).top_logprobs[0]).toEqual({ usual: -0.1, rare: -9 });
});

it('keeps the likelier of two tokens with the same text', () => {
  const same: [string, number][] = [
    ['\uFFFD', -2],
    ['\uFFFD', -3],
  ];
  expect(completionLogprobs([token('x', -1, same)], 0).top_logprobs[0]).toEqual({ '\uFFFD': -2, x: -1 });
});

it('never sends what JSON cannot carry', () => {
  const impossible = token('x', -Infinity, [['y', -Infinity]]);
  expect(completionLogprobs([impossible], 0).token_logprobs).toEqual([-9999]);
  expect(chatLogprobs([impossible])[0]).toMatchObject({ logprob: -9999, top_logprobs: [{ logprob: -9999 }] });
});
