import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { projectRoot } from '#platform/config.ts';
import { planCard } from './plan-card.ts';

const example = <Shape>(name: string): Shape[] =>
  JSON.parse(readFileSync(join(projectRoot, 'contract/examples', `${name}.json`), 'utf8')) as Shape[];
const [plan] = example<TrainingPlan>('TrainingPlan');
const [scored, unscored] = example<TrainingPlanScores>('TrainingPlanScores');

describe('the card of a plan', () => {
  it('tells each figure in the middle and with what nine runs in ten stay below', () => {
    const card = planCard(plan!, scored!);
    expect(card).toContain('time      59 s, in nine runs of ten below 1m08s');
    expect(card).toContain('memory    1.4 GiB, in nine of ten below 1.5 GiB; there are 24.0 GiB');
    expect(card).toContain('cost      $0.0016, in nine of ten below $0.0019');
    expect(card).toContain('budget    1m00s: 68 of 78 steps fit; there it stops, with what it learnt');
    expect(card).toContain('16 steps in 11 s; the run has 78');
    expect(card).toContain('the last plan was 4 % off; its run stayed below');
  });

  it('says when the machine has too little memory, when a run was beside it, and when nothing is scored yet', () => {
    const card = planCard({ ...plan!, memory_limit_bytes: 2 ** 30, measured_beside: 1, cost: null }, unscored!);
    expect(card).toContain('MORE than the 1.0 GiB there are');
    expect(card).toContain('a run was training beside it');
    expect(card).toContain('no run was started from a plan yet');
    expect(card).not.toContain('cost');
    expect(planCard({ ...plan!, budget: { seconds: 0.5, cause: 'time', steps: null } }, scored!)).toContain('not even one step');
    expect(planCard({ ...plan!, budget: null }, scored!)).not.toContain('budget');
    const two = { ...scored!, data: [scored!.data[0]!, scored!.data[0]!] };
    expect(planCard(plan!, two)).toContain('the last 2 plans were 4 % off in the middle; 2 of their runs stayed below');
  });
});
