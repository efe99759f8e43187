/** /v1/fine_tuning/jobs: create, list, look at, cancel, pause and resume. */
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { FineTuningJob, FineTuningJobList, FineTuningJobListQuery } from '#contract/openai/fine-tuning.ts';
import { getRun, listRuns } from '#platform/training/runs.ts';
import { cancelRun, pauseRun, resumeRun } from '#platform/training/steer-run.ts';
import { submitRun } from '#platform/training/submit-run.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { listPage } from '../../list-page.ts';
import { viewJob } from '../../views.ts';

const tags = ['fine-tuning'];
const params = z.object({ job_id: z.string() });
const response = { 200: FineTuningJob };

export const fineTuningJobRoutes: RouteGroup = (server, { training }) => {
  const create = { tags, summary: 'Start a fine-tuning job', body: FineTuningJobRequest, response };
  server.post('/v1/fine_tuning/jobs', { schema: create }, async (request) =>
    viewJob(await submitRun(training, request.caller.projectId, request.body, idempotencyKeyOf(request))),
  );

  const list = { tags, summary: 'List jobs, newest first', querystring: FineTuningJobListQuery, response: { 200: FineTuningJobList } };
  server.get('/v1/fine_tuning/jobs', { schema: list }, async (request) => {
    const { data, hasMore } = await listRuns(training, request.caller.projectId, request.query);
    return listPage(data.map(viewJob), hasMore);
  });

  const retrieve = { tags, summary: 'Look at a job', params, response };
  server.get('/v1/fine_tuning/jobs/:job_id', { schema: retrieve }, async (request) =>
    viewJob(await getRun(training, request.caller.projectId, request.params.job_id)),
  );

  const steering = { cancel: cancelRun, pause: pauseRun, resume: resumeRun };
  for (const [action, steer] of Object.entries(steering)) {
    const schema = { tags, summary: `${action[0]!.toUpperCase()}${action.slice(1)} a job`, params, response };
    server.post(`/v1/fine_tuning/jobs/:job_id/${action}`, { schema }, async (request) =>
      viewJob(await steer(training, request.caller.projectId, (request.params as z.output<typeof params>).job_id)),
    );
  }
};
