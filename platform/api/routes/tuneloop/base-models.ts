/** /api/v1/models: the catalogue of base models, and pulling one with its progress as events. */
import type { ModelEntry } from '#contract/model.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { baseModelState, pullModel } from '#platform/models/base-models.ts';
import { z } from 'zod';
import { failureToTell } from '../../answer-error.ts';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { EventStream } from '../../event-stream.ts';

const tags = ['models'];
const params = z.object({ model: z.string() });

const BaseModel = z.object({
  id: z.string(),
  name: z.string(),
  architecture: z.string(),
  parameters: z.number(),
  context_length: z.int(),
  license: z.string(),
  source: z.string(),
  memory_gb: z.object({ lora: z.number(), qlora: z.number(), inference: z.number() }),
  state: z.enum(['ready', 'absent', 'unsupported']).describe('absent: known, and can be pulled.'),
});

export const baseModelRoutes: RouteGroup = (server, rooms) => {
  const list = {
    tags,
    summary: 'List the base models that are known',
    response: { 200: z.object({ object: z.literal('list'), data: z.array(BaseModel) }) },
  };
  server.get('/api/v1/models', { schema: list }, async () => {
    return { object: 'list' as const, data: rooms.baseModels.catalog.map((entry) => viewEntry(rooms, entry)) };
  });

  const retrieve = { tags, summary: 'Look at a base model', params, response: { 200: BaseModel } };
  server.get('/api/v1/models/:model', { schema: retrieve }, async (request) => viewEntry(rooms, entryOf(rooms, request.params.model)));

  const pull = { tags, summary: 'Fetch a base model; its progress is a stream of events', params };
  server.post('/api/v1/models/:model/pull', { schema: pull }, async (request, reply) => {
    const { id } = entryOf(rooms, request.params.model);
    const stream = new EventStream(reply);
    stream.open();
    try {
      await pullModel(rooms.baseModels, id, (progress) => {
        // The pull goes on without its listener.
        stream.send(JSON.stringify({ type: 'pull-progress', ...progress })).catch(() => reply.raw.destroy());
      });
      await stream.send(JSON.stringify({ type: 'pull-ended', id }), 'event: end\n');
    } catch (error) {
      await stream.send(JSON.stringify(failureToTell(error, request).toBody()), 'event: error\n');
    }
    stream.end();
    return reply;
  });
};

function entryOf(rooms: Rooms, id: string): ModelEntry {
  const entry = rooms.baseModels.catalog.find((known) => known.id === id);
  if (entry) return entry;
  throw new PlatformError('model_not_found', `There is no base model "${id}" in the catalogue; GET /api/v1/models lists it.`, {
    param: 'model',
  });
}

function viewEntry(rooms: Rooms, entry: ModelEntry): z.output<typeof BaseModel> {
  const { id, name, architecture, parameters, context_length, license, memory_gb } = entry;
  const state = baseModelState(rooms.baseModels, id);
  return { id, name, architecture, parameters, context_length, license, memory_gb, source: entry.source.type, state };
}
