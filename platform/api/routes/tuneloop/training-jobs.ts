/** /api/v1/training/jobs: the same runs as OpenAI's jobs, with everything the platform knows about them. */
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { FineTuningJobListQuery } from '#contract/openai/fine-tuning.ts';
import { TrainingRun, TrainingRunList, TrainingStepRows } from '#contract/training-run.ts';
import { getRun, listRuns, queuePosition } from '#platform/training/runs.ts';
import { readStepRows } from '#platform/training/step-rows.ts';
import { submitRun } from '#platform/training/submit-run.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { listPage } from '../../list-page.ts';
import { viewRun } from '../../views.ts';

const tags = ['training'];
const params = z.object({ job_id: z.string() });

export const trainingJobRoutes: RouteGroup = (server, { training }) => {
  const create = { tags, summary: 'Start a run of any method', body: FineTuningJobRequest, response: { 200: TrainingRun } };
  server.post('/api/v1/training/jobs', { schema: create }, async (request) => {
    const run = await submitRun(training, request.caller.projectId, request.body, idempotencyKeyOf(request));
    return viewRun(run, await queuePosition(training, run));
  });

  const list = { tags, summary: 'List runs, newest first', querystring: FineTuningJobListQuery, response: { 200: TrainingRunList } };
  server.get('/api/v1/training/jobs', { schema: list }, async (request) => {
    const { data, hasMore } = await listRuns(training, request.caller.projectId, request.query);
    const runs = await Promise.all(data.map(async (run) => viewRun(run, await queuePosition(training, run))));
    return listPage(runs, hasMore);
  });

  const retrieve = { tags, summary: 'Look at a run', params, response: { 200: TrainingRun } };
  server.get('/api/v1/training/jobs/:job_id', { schema: retrieve }, async (request) => {
    const run = await getRun(training, request.caller.projectId, request.params.job_id);
    return viewRun(run, await queuePosition(training, run));
  });

  const rows = {
    tags,
    summary: 'The rows that a step of a run was made of',
    params: params.extend({ step: z.coerce.number().int().min(1) }),
    response: { 200: TrainingStepRows },
  };
  server.get('/api/v1/training/jobs/:job_id/steps/:step/rows', { schema: rows }, (request) =>
    readStepRows(training, request.caller.projectId, request.params.job_id, request.params.step),
  );
};
