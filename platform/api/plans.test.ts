import { TrainingPlanScores } from '#contract/plan.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

const path = '/api/v1/training/plans';

it.each([
  ['a plan that is not there', 'GET', `${path}/plan_no`],
  ['the deletion of one that is not there', 'DELETE', `${path}/plan_no`],
])('refuses %s with 404 and its code', async (_, method, url) => {
  const answer = await test.call(url, { method });
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ error: { code: 'plan_not_found' } });
});

it('refuses a body as job creation does, with the path of the field', async () => {
  const answer = await test.call(path, { body: { model: 'm', training_file: 'file-a', extensions: { n_epoch: 3 } } });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { param: 'extensions.n_epoch' } });
  const unknown = await test.call(path, { body: { model: 'nobody', training_file: 'file-a' } });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ error: { code: 'model_not_found', param: 'model' } });
});

it('has no scores before a run was started from a plan, and says so', async () => {
  const answer = await test.call(`${path}/scores?limit=5`);
  expect(TrainingPlanScores.strict().parse(await answer.json())).toMatchObject({
    count: 0,
    median_error: null,
    covered_by_p90: null,
    data: [],
  });
  expect((await test.call(`${path}/scores?limit=0`)).status).toBe(400);
});
