import { describe, expect, it } from 'vitest';
import { GraderRequest } from '#contract/openai/graders.ts';
import { runGrader, type AskJudge } from './run-grader.ts';

const nobody: AskJudge = () => Promise.reject(new Error('no model is asked here'));
const says =
  (text: string): AskJudge =>
  () =>
    Promise.resolve({ text, tokens: 12 });
const grade = (grader: object, sample: string, item: unknown = {}, ask = nobody) =>
  runGrader(GraderRequest.parse({ name: 'it', ...grader }), sample, item, { ask, sandbox: [] });
const check = { type: 'string_check', input: '{{sample.output_text}}', reference: '{{ item.answer }}' };
const similar = { type: 'text_similarity', input: '{{sample.output_text}}', reference: 'I am Pell.' };
const judge = { type: 'score_model', model: 'm', input: [{ role: 'user', content: 'How good is {{sample.output_text}}?' }] };

describe('a grader', () => {
  it.each([
    ['eq', 'Paris', 1],
    ['eq', 'paris', 0],
    ['ne', 'Rome', 1],
    ['like', 'It is Paris.', 1],
    ['ilike', 'PARIS!', 1],
    ['ilike', 'Rome', 0],
  ])('checks %s of "%s": %d', async (operation, sample, reward) => {
    expect((await grade({ ...check, operation }, sample, { answer: 'Paris' })).reward).toBe(reward);
  });

  // The same texts as in worker/grpo_test.py.
  it.each([
    ['fuzzy_match', 'I am Pell.', 1],
    ['fuzzy_match', '', 0],
    ['fuzzy_match', 'I am', 8 / 14],
    ['rouge_1', 'Pell I am', 4 / 6],
    ['rouge_2', 'I am Wick.', 0.5],
    ['rouge_l', 'Well, I am Pell.', 6 / 7],
  ])('measures %s of "%s" as the worker does', async (evaluation_metric, sample, reward) => {
    expect((await grade({ ...similar, evaluation_metric }, sample)).reward).toBeCloseTo(reward, 10);
  });

  it('reads fields of a JSON answer and of the item, and fills nothing twice', async () => {
    const deep = { ...check, input: '{{sample.output_json.a[1].b}}', reference: '{{item.list[0]}}', operation: 'eq' };
    expect((await grade(deep, '{"a": [0, {"b": "{{item.list[0]}}"}]}', { list: ['{{item.list[0]}}'] })).reward).toBe(1);
  });

  it.each([
    [{ ...check, operation: 'eq' }, 'x', 'invalid_variable_error'],
    [{ ...check, input: '{{sample.output_json.a}}', operation: 'eq' }, 'no JSON', 'sample_parse_error'],
    [{ ...check, input: '{{sample.constructor}}', operation: 'eq' }, 'x', 'invalid_variable_error'],
    [
      { type: 'multi', graders: { similar: { ...similar, name: 's', evaluation_metric: 'rouge_1' } }, calculate_output: 'other' },
      'x',
      'formula_parse_error',
    ],
  ])('says why there is no reward: %j', async (grader, sample, flag) => {
    const { reward, metadata } = await grade(grader, sample);
    expect(reward).toBe(0);
    expect(Object.entries(metadata.errors).filter(([, value]) => value === true)).toEqual([[flag, true]]);
  });

  it.each([
    ['2 * says - alike / 2', 2 - 0.25],
    ['max(says, alike) ^ 2 + min(says, alike)', 1 + 0.5],
    ['-2 ^ 2 + sqrt(says + 3)', -4 + 2],
    ['(says + alike) * 1e1', 15],
  ])('puts several together: %s', async (calculate_output, reward) => {
    const graders = {
      says: { ...check, name: 'a', operation: 'like' },
      alike: { ...similar, name: 'b', reference: 'I am Wick.', evaluation_metric: 'rouge_2' },
    };
    const run = await grade({ type: 'multi', graders, calculate_output }, 'I am Pell.', { answer: 'Pell' });
    expect(run.sub_rewards).toEqual({ says: 1, alike: 0.5 });
    expect(run.reward).toBeCloseTo(reward, 10);
  });

  it('asks a model for a score, kept within its range, and counts what that took', async () => {
    const run = await grade({ ...judge, range: [0, 10] }, 'x', {}, says('{"steps": [1], "result": 7.5}'));
    expect(run).toMatchObject({ reward: 7.5, model_grader_token_usage_per_model: { m: 12 } });
    expect(run.metadata).toMatchObject({ sampled_model_name: 'm', token_usage: 12 });
    expect((await grade(judge, 'x', {}, says('I give it 9 of 10'))).reward).toBe(1);
    expect((await grade(judge, 'x', {}, says('Very good'))).metadata.errors.model_grader_parse_error).toBe(true);
  });

  it.each([
    [{ ...similar, evaluation_metric: 'bleu' }, 'served are'],
    [{ type: 'label_model' }, 'Expected '],
  ])('that is not served is refused: %j', (grader, reason) => {
    const { error } = GraderRequest.safeParse({ name: 'it', ...grader });
    expect(error!.issues[0]!.message).toContain(reason);
  });
});
