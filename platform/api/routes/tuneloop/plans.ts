/** /api/v1/training/plans: what a run would take, measured before it starts, and how earlier plans came true. */
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { TrainingPlan, TrainingPlanDeleted, TrainingPlanScores, TrainingPlanScoresQuery } from '#contract/plan.ts';
import { createPlan, deletePlan } from '#platform/training/measure-plan.ts';
import { getPlan } from '#platform/training/plans.ts';
import { listScores } from '#platform/training/score-plan.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { viewPlan } from '../../plan-views.ts';

const tags = ['training'];
const params = z.object({ plan_id: z.string() });

export const planRoutes: RouteGroup = (server, { training, config }) => {
  const create = {
    tags,
    summary: 'Measure what a job would take in time, memory and cost; takes the body of a job',
    body: FineTuningJobRequest,
    response: { 202: TrainingPlan },
  };
  server.post('/api/v1/training/plans', { schema: create }, async (request, reply) => {
    const plan = await createPlan(training, request.caller.projectId, request.body, idempotencyKeyOf(request));
    return reply.code(202).send(viewPlan(plan, config.cost_per_hour));
  });

  const scores = {
    tags,
    summary: 'How the last plans came true, newest first',
    querystring: TrainingPlanScoresQuery,
    response: { 200: TrainingPlanScores },
  };
  server.get('/api/v1/training/plans/scores', { schema: scores }, (request) =>
    listScores(training, request.caller.projectId, request.query.limit),
  );

  const retrieve = { tags, summary: 'Look at a plan', params, response: { 200: TrainingPlan } };
  server.get('/api/v1/training/plans/:plan_id', { schema: retrieve }, async (request) =>
    viewPlan(await getPlan(training, request.caller.projectId, request.params.plan_id), config.cost_per_hour),
  );

  const remove = { tags, summary: 'Forget a plan; one that is being measured is stopped', params, response: { 200: TrainingPlanDeleted } };
  server.delete('/api/v1/training/plans/:plan_id', { schema: remove }, async (request) => {
    const { plan_id } = request.params;
    await deletePlan(training, request.caller.projectId, plan_id);
    return { id: plan_id, object: 'training.plan', deleted: true } as const;
  });
};
