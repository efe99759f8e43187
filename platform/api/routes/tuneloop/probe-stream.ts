/** The answers of a run in training, token by token; whole answers are events of the run. */
import { ProbeDelta } from '#contract/probe.ts';
import { terminalStates } from '#contract/training.ts';
import { streamProbes } from '#platform/training/probe-stream.ts';
import { getRun } from '#platform/training/runs.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { EventStream } from '../../event-stream.ts';

const params = z.object({ job_id: z.string() });
/** How long a browser waits before it comes back. */
const retryMs = 3000;

export const probeStreamRoutes: RouteGroup = (server, { training, draining }) => {
  const schema = {
    tags: ['training'],
    summary: 'Follow the answers of a run token by token (server-sent events); nothing of before is repeated',
    params,
    response: {
      200: { description: 'A stream; each data is a piece of an answer', content: { 'text/event-stream': { schema: ProbeDelta } } },
      204: z.undefined().describe('The run is over.'),
    },
  };
  server.get('/api/v1/training/jobs/:job_id/probes/stream', { schema }, async (request, reply) => {
    const { projectId } = request.caller;
    const run = await getRun(training, projectId, request.params.job_id);
    if (terminalStates.includes(run.state)) return reply.code(204).send();
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, draining]);
    const events = new EventStream(reply);
    events.open();
    try {
      events.line(`retry: ${retryMs}`);
      for await (const delta of streamProbes(training, projectId, run.id, signal)) await events.send(JSON.stringify(delta));
      if (!signal.aborted) await events.send('{}', 'event: end\n');
      events.end();
    } catch (error) {
      // The client comes back by itself; whole answers are events.
      request.log.warn({ err: error, requestId: request.id }, 'a stream of probes broke off');
      reply.raw.destroy();
    }
    return reply;
  });
};
