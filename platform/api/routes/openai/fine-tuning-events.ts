/** What a fine-tuning job has told and left so far: its events and its checkpoints. */
import {
  FineTuningJobCheckpointList,
  FineTuningJobCheckpointListQuery,
  FineTuningJobEventList,
  FineTuningJobEventListQuery,
} from '#contract/openai/fine-tuning.ts';
import { listCheckpoints } from '#platform/training/checkpoints.ts';
import { listEvents } from '#platform/training/run-events.ts';
import { viewEvent } from '#platform/training/view-event.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { listPage } from '../../list-page.ts';
import { viewCheckpoint } from '../../views.ts';

const tags = ['fine-tuning'];
const params = z.object({ job_id: z.string() });

export const fineTuningEventRoutes: RouteGroup = (server, { training }) => {
  const events = {
    tags,
    summary: 'List the events of a job, newest first',
    params,
    querystring: FineTuningJobEventListQuery,
    response: { 200: FineTuningJobEventList },
  };
  server.get('/v1/fine_tuning/jobs/:job_id/events', { schema: events }, async (request) => {
    const { data, hasMore } = await listEvents(training, request.caller.projectId, request.params.job_id, request.query);
    return listPage(data.map(viewEvent), hasMore);
  });

  const checkpoints = {
    tags,
    summary: 'List the checkpoints of a job, newest first; each answers under its model id',
    params,
    querystring: FineTuningJobCheckpointListQuery,
    response: { 200: FineTuningJobCheckpointList },
  };
  server.get('/v1/fine_tuning/jobs/:job_id/checkpoints', { schema: checkpoints }, async (request) => {
    const { data, hasMore } = await listCheckpoints(training, request.caller.projectId, request.params.job_id, request.query);
    return listPage(data.map(viewCheckpoint), hasMore);
  });
};
