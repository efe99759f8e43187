/** The curves of a run, few enough points to draw. */
import { TrainingSeries, TrainingSeriesQuery } from '#contract/series.ts';
import { SeriesReader } from '#platform/training/series-reader.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';

const params = z.object({ job_id: z.string() });

export const trainingSeriesRoutes: RouteGroup = (server, { training }) => {
  const reader = new SeriesReader(training.db);
  const schema = {
    tags: ['training'],
    summary: 'The figures of a run over its steps: loss, validation loss, rate, gradient norm, tokens a second, memory',
    params,
    querystring: TrainingSeriesQuery,
    response: { 200: TrainingSeries },
  };
  server.get('/api/v1/training/jobs/:job_id/series', { schema }, (request) =>
    reader.read(request.caller.projectId, request.params.job_id, request.query.points),
  );
};
