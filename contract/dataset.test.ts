/** What is said about a row that cannot be trained on. */
import { expect, it } from 'vitest';
import { rowProblem } from './dataset.ts';

const question = { role: 'user', content: 'How long is the warranty?' };
const answer = { role: 'assistant', content: '12 months.' };
const call = { id: 'call_1', type: 'function', function: { name: 'warranty', arguments: '{}' } };

it('accepts a question with an answer, whatever else the row carries', () => {
  expect(rowProblem({ messages: [question, answer], source: 'wiki' })).toBeNull();
});

it('accepts tool calls and their results', () => {
  const turns = [
    question,
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: '12' },
    answer,
  ];
  expect(rowProblem({ messages: turns })).toBeNull();
});

it.each([
  ['nothing at all', {}, 'messages: is missing (expected array)'],
  ['a list', [], 'the row: expected object, received array'],
  ['no turn', { messages: [] }, 'messages: has to have >=1 items'],
  [
    'an unknown role',
    { messages: [{ role: 'bot', content: 'Hi' }] },
    "messages[0].role: expected 'system' | 'developer' | 'user' | 'assistant' | 'tool'",
  ],
  ['no assistant', { messages: [question] }, 'messages: no message with role "assistant": there is nothing to learn from'],
  [
    'no weight',
    { messages: [question, { ...answer, weight: 0 }] },
    'messages: every assistant message has weight 0: there is nothing to learn from',
  ],
  ['half a weight', { messages: [question, { ...answer, weight: 0.5 }] }, 'messages[1].weight: expected 0 or 1'],
  [
    'an empty answer',
    { messages: [question, { role: 'assistant', content: ' ' }] },
    'messages: no assistant message with weight 1 has any content: there is nothing to learn from',
  ],
  ['a number for a text', { messages: [{ role: 'user', content: 3 }, answer] }, 'messages[0].content: expected string or array'],
  [
    'a tool result without its call',
    { messages: [question, answer, { role: 'tool', tool_call_id: 'call_9', content: '12' }] },
    'messages: a tool message answers "call_9", which no assistant message called',
  ],
])('names what is wrong with %s', (_, row, problem) => {
  expect(rowProblem(row)).toBe(problem);
});
