import { describe, expect, it } from 'vitest';
import { rowText, rowWords } from './row-words.ts';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('a row in a line', () => {
  it.each([
    ['a chat', { messages: [user('One?'), assistant('1'), user('Two?'), assistant('2')] }, 'Two?', '2'],
    ['a chat that ends with a question', { messages: [user('One?')] }, 'One?', ''],
    ['a plain text', { text: 'Once\nupon a time' }, 'Once upon a time', ''],
    ['a preference', { input: { messages: [user('One?')] }, preferred_output: [assistant('1')], non_preferred_output: [] }, 'One?', '1'],
    ['an answer with a label', { prompt: [user('One?')], completion: [assistant('2')], label: false }, 'One?', '(bad) 2'],
    ['a question alone', { prompt: [user('One?')] }, 'One?', ''],
    [
      'a call of a tool',
      { messages: [user('One?'), { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] }] },
      'One?',
      '[{"id":"a"}]',
    ],
    ['nothing known', 7, '{}', ''],
  ])('%s is what is asked and what is answered', (_, value, asked, answered) => {
    expect(rowWords(typeof value === 'number' ? null : value)).toEqual({ asked, answered, problem: null });
  });

  it('that could not be read says why', () => {
    expect(rowWords({ invalid: { reason: 'not a JSON object', raw: '[1]' } })).toEqual({
      asked: '[1]',
      answered: '',
      problem: 'not a JSON object',
    });
  });

  it('is a text of several lines where it is compared with another one', () => {
    expect(rowText({ messages: [user('One?'), assistant('1')], tag: 7 })).toBe('user: One?\nassistant: 1\ntag: 7');
    expect(rowText({ prompt: [user('One?')], label: true })).toBe('prompt, user: One?\nlabel: true');
    expect(rowText({ invalid: { reason: 'broken JSON', raw: '{' } })).toBe('{\n✗ broken JSON');
  });
});
