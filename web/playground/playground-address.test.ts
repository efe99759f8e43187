import { expect, it } from 'vitest';
import { newAnswer, type Turn } from './conversation.ts';
import { spelling, writeQuestions } from './playground-address.ts';
import { usualSampling } from './sampling.ts';

it('keeps lanes and sampling in the address, and leaves out what is usual', () => {
  const lanes = [
    { id: 1, model: 'ft:base:default:a:1' },
    { id: 2, model: 'lab/some+model' },
  ];
  const sampling = { ...usualSampling, system: 'be brief\n& kind', temperature: '', withProbabilities: false };
  const address = spelling.write({ lanes, sampling });
  expect(Object.keys(address).toSorted()).toEqual(['lanes', 'probabilities', 'system', 'temperature']);
  expect(spelling.read(address)).toEqual({ lanes, sampling });
  expect(spelling.write({ lanes: [], sampling: usualSampling })).toEqual({});
  for (const name of Object.keys(address)) expect(spelling.names).toContain(name);
});

it('takes at most four lanes, and the model that another page links to', () => {
  expect(spelling.read({ lanes: 'a b c d e' }).lanes.map(({ model }) => model)).toEqual(['a', 'b', 'c', 'd']);
  expect(spelling.read({ model: 'a' }).lanes).toEqual([{ id: 1, model: 'a' }]);
});

it('keeps the questions, unless they are more than an address can carry', () => {
  const turn = (question: string): Turn => ({ id: 1, question, answers: { 1: newAnswer } });
  expect(writeQuestions([turn('a'), turn('b')])).toBe('["a","b"]');
  expect(writeQuestions([turn('x'.repeat(5000))])).toBe('');
  expect(writeQuestions([])).toBe('');
});
