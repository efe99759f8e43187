/** POST /api/v1/training/replays: trains a version again from its receipt. */
import { ReplayRequest, TrainingReplay } from '#contract/receipt.ts';
import { replayRun } from '#platform/training/replay-run.ts';
import { queuePosition } from '#platform/training/runs.ts';
import type { RouteGroup } from '../../api-server.ts';
import { viewRun } from '../../views.ts';

export const replayRoutes: RouteGroup = (server, { training }) => {
  const schema = {
    tags: ['training'],
    summary: 'Train a version again from its receipt',
    body: ReplayRequest,
    response: { 200: TrainingReplay },
  };
  server.post('/api/v1/training/replays', { schema }, async (request): Promise<TrainingReplay> => {
    const { receipt } = request.body;
    const run = await replayRun(training, request.caller.projectId, request.body);
    return {
      object: 'training.replay',
      run: viewRun(run, await queuePosition(training, run)),
      step: receipt.kind === 'checkpoint' ? receipt.step : null,
      expected_sha256: receipt.artifact.adapter_sha256,
    };
  });
};
