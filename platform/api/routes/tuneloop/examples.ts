/** /api/v1/examples: data that ships with the platform, and its way into a project's files. */
import { ExampleFiles, ExampleSetList } from '#contract/example.ts';
import { projectRoot } from '#platform/config.ts';
import { copyExample, listExamples } from '#platform/data/examples.ts';
import { join } from 'node:path';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';
import { viewFile } from '../../views.ts';

const folder = join(projectRoot, 'examples', 'data');
const tags = ['files'];

export const exampleRoutes: RouteGroup = (server, { files }) => {
  const list = { tags, summary: 'List the example sets that ship with the platform', response: { 200: ExampleSetList } };
  server.get('/api/v1/examples', { schema: list }, async () => {
    return { object: 'list' as const, data: await listExamples(folder), has_more: false as const };
  });

  const copy = {
    tags,
    summary: 'Make files of an example set, to train on; files that are there already are used again',
    params: z.object({ name: z.string() }),
    response: { 200: ExampleFiles },
  };
  server.post('/api/v1/examples/:name/files', { schema: copy }, async (request) => {
    const { training, validation } = await copyExample(files, request.caller.projectId, folder, request.params.name);
    return { training_file: viewFile(training), validation_file: validation && viewFile(validation) };
  });
};
