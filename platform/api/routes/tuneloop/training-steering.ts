/** /api/v1/training/jobs/{id}/…: what a person asks of a run that is under way. */
import { TrainingRun } from '#contract/training-run.ts';
import { queuePosition } from '#platform/training/runs.ts';
import { cancelRun, keepStep, pauseRun, resumeRun, stopRun } from '#platform/training/steer-run.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { viewRun } from '../../views.ts';

const params = z.object({ job_id: z.string() });

const actions = {
  pause: { steer: pauseRun, summary: 'Pause a run after its step; a checkpoint is saved' },
  resume: { steer: resumeRun, summary: 'Go on with a paused run' },
  cancel: { steer: cancelRun, summary: 'Cancel a run; what it has saved is kept' },
  keep: { steer: keepStep, summary: 'Keep the weights after the next step: a checkpoint that answers at once and is never removed' },
  stop: { steer: stopRun, summary: 'Stop and keep: the weights after the next step become the model' },
};

export const trainingSteeringRoutes: RouteGroup = (server, { training }) => {
  for (const [action, { steer, summary }] of Object.entries(actions)) {
    const schema = { tags: ['training'], summary, params, response: { 200: TrainingRun } };
    server.post(`/api/v1/training/jobs/:job_id/${action}`, { schema }, async (request) => {
      const run = await steer(training, request.caller.projectId, (request.params as z.output<typeof params>).job_id);
      return viewRun(run, await queuePosition(training, run));
    });
  }
};
