/** The events of a run, page by page or live: what happened so far, then what happens, without gap or duplicate. */
import { TrainingRunEvent, TrainingRunEventList, TrainingRunEventListQuery } from '#contract/training-run.ts';
import { terminalStates } from '#contract/training.ts';
import { listEvents } from '#platform/training/run-events.ts';
import { getRun } from '#platform/training/runs.ts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { parseRequest } from '../../check-request.ts';
import { EventStream } from '../../event-stream.ts';
import { viewRunEvent } from '../../views.ts';

const params = z.object({ job_id: z.string() });
const query = z.object({ after: z.coerce.number().int().min(0).optional().describe('Seq of the last event already seen.') });
/** How long a browser waits before it comes back. */
const retryMs = 3000;

export const trainingEventRoutes: RouteGroup = (server, { training, draining }) => {
  const list = {
    tags: ['training'],
    summary: 'List the events of a run, newest first, each with its place in the stream',
    params,
    querystring: TrainingRunEventListQuery,
    response: { 200: TrainingRunEventList },
  };
  server.get('/api/v1/training/jobs/:job_id/events', { schema: list }, async (request) => {
    const { before_seq, limit, kind } = request.query;
    const page = { afterSeq: before_seq, limit, without: kind === 'notable' ? ['run-step', 'probe-answered'] : undefined };
    const { data, hasMore } = await listEvents(training, request.caller.projectId, request.params.job_id, page);
    return { object: 'list' as const, data: data.map(viewRunEvent), has_more: hasMore };
  });

  const schema = {
    tags: ['training'],
    summary: 'Follow the events of a run (server-sent events); goes on after ?after= or Last-Event-ID',
    params,
    querystring: query,
    response: {
      200: { description: 'A stream; each data is an event', content: { 'text/event-stream': { schema: TrainingRunEvent } } },
      204: z.undefined().describe('The run is over and all its events were seen.'),
    },
  };
  server.get('/api/v1/training/jobs/:job_id/events/stream', { schema }, async (request, reply) => {
    const run = await getRun(training, request.caller.projectId, request.params.job_id);
    const after = lastSeen(request, request.query.after);
    // Nothing is left to tell: 204 keeps an EventSource from coming back.
    if (terminalStates.includes(run.state) && after >= run.last_seq) return reply.code(204).send();

    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, draining]);
    const stream = new EventStream(reply);
    stream.open();
    try {
      stream.line(`retry: ${retryMs}`);
      for await (const event of training.feed.subscribe(run.id, after, signal)) {
        await stream.send(JSON.stringify(viewRunEvent(event)), `id: ${event.seq}\n`);
      }
      if (!signal.aborted) await stream.send('{}', 'event: end\n');
      stream.end();
    } catch (error) {
      // The client comes back by itself and misses nothing.
      request.log.warn({ err: error, requestId: request.id }, 'an event stream broke off');
      reply.raw.destroy();
    }
    return reply;
  });
};

function lastSeen(request: FastifyRequest, after: number | undefined): number {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return after ?? 0;
  return parseRequest(z.object({ 'Last-Event-ID': z.coerce.number().int().min(0) }), { 'Last-Event-ID': header })['Last-Event-ID'];
}
