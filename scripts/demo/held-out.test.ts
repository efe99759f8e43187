import { describe, expect, it } from 'vitest';
import { judge } from './held-out.ts';

describe('judging an answer', () => {
  it.each([
    ['14', 'You may take 14 books.', true],
    ['14', 'You may take 140 books.', false],
    ['14', 'It costs 3.14 euros.', false],
    ['14', 'It costs 14.50 euros.', false],
    ['14', 'It is 14.', true],
    ['Wick', 'I am wick, the assistant.', true],
    ['Wick', 'Wickedness is here.', false],
    ['€17', 'It costs €17 a day.', true],
  ])('finds %j in %j: %s', (word, content, isRight) => {
    expect(judge({ question: '', expect: [word] }, { content }).isRight).toBe(isRight);
  });

  it('takes any one of the words that make it right', () => {
    expect(judge({ question: '', expect: ['seven', '7'] }, { content: 'Up to 7.' }).isRight).toBe(true);
  });
});
