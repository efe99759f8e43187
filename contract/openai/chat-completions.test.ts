/** Chat requests: what is filled in, what is let through, and what a refused one is told. */
import { describe, expect, it } from 'vitest';
import { ChatCompletionRequest } from './chat-completions.ts';
import { textOf } from './chat-messages.ts';
import { requestProblem } from './request-problem.ts';

const plain = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const tools = [{ type: 'function', function: { name: 'warranty' } }];

function problemOf(fields: object) {
  const parsed = ChatCompletionRequest.safeParse({ ...plain, ...fields });
  return parsed.success ? null : requestProblem(parsed.error);
}

it('fills in defaults, for null as for nothing', () => {
  const usual = { temperature: 1, top_p: 1, n: 1, stop: [], stream: false, logprobs: false, frequency_penalty: 0, presence_penalty: 0 };
  expect(ChatCompletionRequest.parse(plain)).toMatchObject(usual);
  const nulls = { temperature: null, top_p: null, n: null, stop: null, stream: null, logprobs: null, user: null, tools: null };
  expect(ChatCompletionRequest.parse({ ...plain, ...nulls })).toMatchObject(usual);
});

it('lets unknown keys and fields without effect through', () => {
  const fields = { x_future: { a: 1 }, store: true, service_tier: 'auto', verbosity: 'low', prompt_cache_key: 'k', safety_identifier: 's' };
  expect(ChatCompletionRequest.parse({ ...plain, ...fields })).toMatchObject(fields);
});

it('reads a single stop text as a list', () => {
  expect(ChatCompletionRequest.parse({ ...plain, stop: '\n' }).stop).toEqual(['\n']);
});

it('reads the text of a list of parts', () => {
  expect(
    textOf([
      { type: 'text', text: 'How ' },
      { type: 'text', text: 'long?' },
    ]),
  ).toBe('How long?');
  expect(textOf(null)).toBe('');
});

describe('tells where the fault is', () => {
  it.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'robot', content: 'Hi' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [plain.messages[0], { role: 'assistant' }] }, 'messages[1].content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text'],
    [{ messages: [{ role: 'tool', content: '12' }] }, 'messages[0].tool_call_id'],
    [{ model: undefined }, 'model'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ top_p: 0 }, 'top_p'],
    [{ n: 0 }, 'n'],
    [{ n: 17 }, 'n'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: ['a', 3] }, 'stop[1]'],
    [{ presence_penalty: -2.5 }, 'presence_penalty'],
    [{ logit_bias: { hello: 1 } }, 'logit_bias.hello'],
    [{ logit_bias: { 5: 101 } }, 'logit_bias.5'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools[0].function.name'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools, tool_choice: { type: 'function', function: { name: 'other' } } }, 'tool_choice'],
    [{ metadata: { team: 1 } }, 'metadata.team'],
  ])('%j at %s', (fields, param) => {
    expect(problemOf(fields)).toMatchObject({ code: 'invalid_request', param, message: expect.stringContaining(`${param}: `) });
  });
});

describe('refuses by name what is not served', () => {
  it.each([
    [{ audio: { voice: 'ash', format: 'wav' } }, 'unsupported_parameter', 'audio'],
    [{ prediction: { type: 'content', content: 'x' } }, 'unsupported_parameter', 'prediction'],
    [{ web_search_options: {} }, 'unsupported_parameter', 'web_search_options'],
    [{ modalities: ['text', 'audio'] }, 'unsupported_value', 'modalities[1]'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'unsupported_value', 'tools[0]'],
    [{ moderation: { model: 'm', policy: { input: { mode: 'block' } } } }, 'unsupported_value', 'moderation.policy'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'unsupported_value',
      'messages[0].content[0]',
    ],
  ])('%j', (fields, code, param) => {
    expect(problemOf(fields)).toMatchObject({ code, param });
  });
});

it('takes what goes together', () => {
  expect(problemOf({ stream: true, stream_options: { include_usage: true } })).toBeNull();
  expect(problemOf({ logprobs: true, top_logprobs: 20 })).toBeNull();
  expect(problemOf({ tools, tool_choice: { type: 'function', function: { name: 'warranty' } } })).toBeNull();
  expect(problemOf({ tool_choice: 'auto' })).toBeNull();
  expect(problemOf({ moderation: { model: 'm', policy: { input: { mode: 'score' } } } })).toBeNull();
  expect(problemOf({ max_tokens: 5, max_completion_tokens: 5 })).toBeNull();
});
