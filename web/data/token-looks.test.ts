import { expect, it } from 'vitest';
import { changeOf, changeStep, describeToken, lossStep, shownText, type Token } from './token-looks.ts';

const token = (given: Partial<Token> = {}): Token => ({
  id: 7,
  text: ' Monday',
  trained: true,
  special: false,
  truncated: false,
  base_loss: null,
  loss: null,
  likeliest: null,
  ...given,
});

it('is hotter the less it was expected, and has no heat where there is no loss', () => {
  expect([0.1, 1, 2, 4, 8].map((base_loss) => lossStep(token({ base_loss }), 'base'))).toEqual([0, 1, 2, 3, 4]);
  expect(lossStep(token({ base_loss: 8 }), 'mask')).toBe(0);
  expect(lossStep(token(), 'base')).toBe(0);
  expect(lossStep(token({ base_loss: 0, loss: 4 }), 'tuned')).toBe(3);
});

it('was learnt where its loss fell, and forgotten where it rose', () => {
  expect(changeOf(token({ base_loss: 6 }))).toBeNull();
  expect(changeStep(token({ base_loss: 6 }))).toBe(0);
  expect(changeStep(token({ base_loss: 6, loss: 1 }))).toBe(-2);
  expect(changeStep(token({ base_loss: 1, loss: 1.5 }))).toBe(1);
  expect(changeStep(token({ base_loss: 1, loss: 1.05 }))).toBe(0);
});

it('says all about itself in words, white space too', () => {
  expect(describeToken(token({ base_loss: 6.2, loss: 1.4, likeliest: ' Tue' }), 12)).toBe(
    '12 · " Monday" · id 7 · learnt · base loss 6.20 (0.2 %) · tuned loss 1.40 (25 %) · likeliest " Tue"',
  );
  expect(describeToken(token({ text: '\n', trained: false, special: true }), 1)).toBe('1 · "\\n" · id 7 · special, masked');
  expect(shownText(token({ text: 'a\n' }))).toBe('a↵\n');
  expect(shownText(token({ text: '' }))).toBe('·');
});
