import { expect, it } from 'vitest';
import type { ScoredPlace, ScoredPrompt } from '#contract/parity.ts';
import { compareAnswers, type ServedAnswer } from './compare-answers.ts';

const limits = { tolerance: 0.1, largest_allowed: 0.5, mean_allowed: 0.2 };

/** An answer of the tokens 1, 2, 3 … with the log-probability given to each. */
function served(logprobs: number[], more: Partial<ServedAnswer> = {}): ServedAnswer {
  const tokens = logprobs.map((logprob, index) => ({ tokenId: index + 1, text: `t${index + 1}`, bytes: [], logprob, top: [] }));
  return { asked: 'Who?', promptIds: [7, 8], tokens, isEnded: false, ...more };
}

/** The trained model agrees with each of those tokens, by a margin of one nat. */
function scored(logprobs: number[], more: Partial<ScoredPrompt> = {}): ScoredPrompt {
  const places = [...logprobs, -9].map((logprob, index): ScoredPlace => {
    return { logprobs: [logprob], best: [index + 1, 99], best_logprobs: [logprob, logprob - 1], ends: false };
  });
  return { prompt_ids: [7, 8], places, ...more };
}

it('finds parity where everything is the same', () => {
  const found = compareAnswers([served([-0.1, -0.2])], [scored([-0.1, -0.2])], limits);
  expect(found).toMatchObject({ prompts: 1, equal_prompts: 1, places: 2, agreeing_places: 2, decided_places: 2, largest_difference: 0 });
  expect(found).toMatchObject({ agreeing_decided_places: 2, differences: [], failure: null });
});

it('fails where a prompt has other token ids, and says at which', () => {
  const found = compareAnswers([served([-0.1], { promptIds: [1, 7, 8] }), served([-0.1])], [scored([-0.1]), scored([-0.1])], limits);
  expect(found).toMatchObject({ prompts: 2, equal_prompts: 1, places: 1 });
  expect(found.differences[0]).toMatchObject({ kind: 'prompt', place: 0, served: 'token 1', trained: 'token 7' });
  expect(found.failure).toMatch(/^1 prompts have other token ids/);
});

it('lets a tie go either way, but not a decided token', () => {
  const place = (margin: number): ScoredPlace => ({ logprobs: [-0.7], best: [99, 1], best_logprobs: [-0.7 + margin, -0.7], ends: false });
  const tie = compareAnswers([served([-0.7])], [scored([], { places: [place(0.05), place(1)] })], limits);
  expect(tie).toMatchObject({ agreeing_places: 0, decided_places: 0, failure: null });
  expect(tie.differences).toMatchObject([{ kind: 'token', place: 0, served: '"t1"', trained: 'token 99' }]);
  const decided = compareAnswers([served([-0.7])], [scored([], { places: [place(0.2), place(1)] })], limits);
  expect(decided).toMatchObject({ decided_places: 1, agreeing_decided_places: 0, failure: expect.stringContaining('1 tokens are others') });
});

it('compares where an answer ends, when the engine ended it', () => {
  const [first, behind] = scored([-0.1]).places;
  const ending = scored([], { places: [first!, { ...behind!, ends: true }] });
  expect(compareAnswers([served([-0.1], { isEnded: true })], [ending], limits)).toMatchObject({ places: 2, failure: null });
  const tooEarly = compareAnswers([served([-0.1], { isEnded: true })], [scored([-0.1])], limits);
  expect(tooEarly.differences).toMatchObject([{ kind: 'end', place: 1, served: 'the end' }]);
  expect(tooEarly.failure).not.toBeNull();
});

it('fails where log-probabilities lie too far apart, on average or once', () => {
  const average = compareAnswers([served([-0.5, -0.5])], [scored([-0.2, -0.2])], limits);
  expect(average.failure).toContain('on average');
  const once = compareAnswers([served([-0.8, 0, 0, 0, 0])], [scored([-0.1, 0, 0, 0, 0])], limits);
  expect(once.failure).toContain('0.700 nats apart');
  expect(once.differences).toMatchObject([{ kind: 'logprob', place: 0 }]);
});

it('is no parity where nothing was compared', () => {
  expect(compareAnswers([served([])], [scored([])], limits).failure).toContain('answered nothing');
});
