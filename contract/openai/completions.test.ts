/** Completion requests: prompts in all their forms, and what a refused one is told. */
import { expect, it } from 'vitest';
import { CompletionRequest } from './completions.ts';
import { requestProblem } from './request-problem.ts';

function problemOf(fields: object) {
  const parsed = CompletionRequest.safeParse({ model: 'm', prompt: 'Hi', ...fields });
  return parsed.success ? null : requestProblem(parsed.error);
}

it.each([['text'], [['text', 'text']], [[1, 2]], [[[1], [2, 3]]], [null]])('takes %j as prompt', (prompt) => {
  expect(CompletionRequest.parse({ model: 'm', prompt })).toMatchObject({ prompt, max_tokens: 16, echo: false });
});

it('takes what evaluation harnesses send to score a prompt', () => {
  expect(problemOf({ prompt: [[1, 2]], echo: true, logprobs: 1, max_tokens: 1, temperature: 0, seed: 1234 })).toBeNull();
  expect(problemOf({ echo: true, max_tokens: 0 })).toBeNull();
});

it.each([
  [{ prompt: [] }, 'invalid_request', 'prompt'],
  [{ prompt: [[1], ['b']] }, 'invalid_request', 'prompt[1][0]'],
  [{ prompt: undefined }, 'invalid_request', 'prompt'],
  [{ logprobs: 6 }, 'invalid_request', 'logprobs'],
  [{ n: 3, best_of: 2 }, 'invalid_request', 'best_of'],
  [{ best_of: 2, stream: true }, 'invalid_request', 'best_of'],
  [{ stream_options: {} }, 'invalid_request', 'stream_options'],
  [{ suffix: 'end' }, 'unsupported_parameter', 'suffix'],
])('refuses %j as %s at %s', (fields, code, param) => {
  expect(problemOf(fields)).toMatchObject({ code, param });
});
