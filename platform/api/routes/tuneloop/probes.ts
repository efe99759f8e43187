/** The time machine: questions to a model that is being trained, and its answers with the weights of the moment. */
import { ProbeAnswerList, ProbeAnswerListQuery, Probe, ProbeDeleted, ProbeList, ProbeRequest } from '#contract/probe.ts';
import { addProbe, listAnswers, listProbes, removeProbe } from '#platform/training/probes.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';

const tags = ['training'];
const path = '/api/v1/training/jobs/:job_id/probes';
const params = z.object({ job_id: z.string() });

export const probeRoutes: RouteGroup = (server, { training }) => {
  const list = { tags, summary: 'List the probes of a run, and what they cost', params, response: { 200: ProbeList } };
  server.get(path, { schema: list }, async (request) => {
    const { probes, ...cost } = await listProbes(training, request.caller.projectId, request.params.job_id);
    return { object: 'list' as const, data: probes, has_more: false as const, ...cost };
  });

  const add = {
    tags,
    summary: 'Ask a run a question, once within a step or again and again',
    params,
    body: ProbeRequest,
    response: { 201: Probe },
  };
  server.post(path, { schema: add }, async (request, reply) =>
    reply.code(201).send(await addProbe(training, request.caller.projectId, request.params.job_id, request.body)),
  );

  const remove = {
    tags,
    summary: 'Ask a probe no more; its answers stay',
    params: params.extend({ probe_id: z.string() }),
    response: { 200: ProbeDeleted },
  };
  server.delete(`${path}/:probe_id`, { schema: remove }, async (request) => {
    const { job_id, probe_id } = request.params;
    await removeProbe(training, request.caller.projectId, job_id, probe_id);
    return { id: probe_id, object: 'training.probe' as const, deleted: true as const };
  });

  const answers = {
    tags,
    summary: 'List the whole answers of all steps, oldest first',
    params,
    querystring: ProbeAnswerListQuery,
    response: { 200: ProbeAnswerList },
  };
  server.get(`${path}/answers`, { schema: answers }, async (request) => {
    const { data, hasMore } = await listAnswers(training, request.caller.projectId, request.params.job_id, request.query);
    return { object: 'list' as const, data, has_more: hasMore };
  });
};
