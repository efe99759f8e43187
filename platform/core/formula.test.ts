/** Formulas come to the same here and in the worker, whose formula_test.py reads the same cases. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFormula, evaluateFormula, FormulaProblem } from './formula.ts';

type Case = { source: string; result: number | null };
const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'formula-cases.json'), 'utf8')) as Case[];
const values = { a: 1, b: 0, is: 0.5 };

describe('a formula over rewards', () => {
  it.each(cases)('$source comes to $result', ({ source, result }) => {
    if (result === null) expect(() => evaluateFormula(source, values)).toThrow(FormulaProblem);
    else expect(evaluateFormula(source, values)).toBeCloseTo(result);
  });

  it('is checked without values: what is no number for some of them may be one for others', () => {
    expect(() => checkFormula('1 / (a - 1)', ['a'])).not.toThrow();
    expect(() => checkFormula('1 / (a - c)', ['a'])).toThrow('there is no grader "c"');
  });
});
