import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffWords } from './word-diff.ts';

const changed = (before: string, text: string): string[] =>
  diffWords(before, text)
    .filter(({ isChanged }) => isChanged)
    .map((piece) => piece.text.trim());

describe('the words that differ', () => {
  it('are those that are new, however they are spaced', () => {
    expect(changed('I cannot help with that.', 'I can help with that.')).toEqual(['can']);
    expect(changed('a b c', 'a\n b   c')).toEqual([]);
    expect(changed('the cat sat', 'the dog sat on it')).toEqual(['dog', 'on it']);
  });

  it('are all of them against nothing, and none against the same', () => {
    expect(changed('', 'two words')).toEqual(['two words']);
    expect(changed('two words', 'two words')).toEqual([]);
    expect(diffWords('two words', '')).toEqual([]);
  });

  it('never lose or add a letter of the answer', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, text) => {
        expect(
          diffWords(before, text)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });
});
