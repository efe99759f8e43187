/** GET /health: whether the platform can do its work; the only route without a key, so it names nothing that is anybody's. */
import { version } from '#platform/core/version.ts';
import type { Engine } from '#platform/inference/engine.ts';
import { sql } from 'kysely';
import { z } from 'zod';
import type { App } from '#platform/app.ts';
import type { RouteGroup } from '../../api-server.ts';

const patienceMs = 2000;
const up = z.enum(['up', 'down']);

const Health = z.object({
  status: z.enum(['ok', 'degraded', 'down']).describe('down: nothing works without the database; degraded: it answers no prompts.'),
  version: z.string(),
  database: z.object({ status: up, kind: z.enum(['pglite', 'postgres']) }),
  engine: z.object({ name: z.string(), status: up, active: z.int(), waiting: z.int(), memory_bytes: z.number() }),
  worker: z.object({ launcher: z.string(), ready: z.boolean(), running: z.int(), queued: z.int() }),
});

export const healthRoutes: RouteGroup = (server, app) => {
  const schema = { tags: ['server'], summary: 'Whether the platform works', security: [], response: { 200: Health, 503: Health } };
  server.get('/health', { schema, config: { access: 'open' } }, async (_request, reply) => {
    const [runs, engine] = await Promise.all([within(countRuns(app)), engineHealth(app.engines.main)]);
    const health: z.output<typeof Health> = {
      status: !runs ? 'down' : engine.status === 'down' ? 'degraded' : 'ok',
      version,
      database: { status: runs ? 'up' : 'down', kind: app.database.kind },
      engine,
      worker: { launcher: app.training.launcher.name, ready: app.isWorkerWarm(), running: runs?.running ?? 0, queued: runs?.queued ?? 0 },
    };
    return reply.code(runs ? 200 : 503).send(health);
  });
};

async function countRuns({ database }: App): Promise<{ running: number; queued: number }> {
  const count = (state: string) => sql<number>`(count(*) filter (where state = ${state}))::int`;
  return database.db
    .selectFrom('runs')
    .select([count('running').as('running'), count('queued').as('queued')])
    .executeTakeFirstOrThrow();
}

async function engineHealth(engine: Engine): Promise<z.output<typeof Health>['engine']> {
  const status = await within(engine.status());
  return {
    name: engine.name,
    status: status ? 'up' : 'down',
    active: status?.active ?? 0,
    waiting: status?.waiting ?? 0,
    memory_bytes: status?.memoryBytes ?? 0,
  };
}

/** Null when it fails or takes too long: either way it is down. */
function within<Result>(work: Promise<Result>): Promise<Result | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), patienceMs);
    work.then(resolve, () => resolve(null)).finally(() => clearTimeout(timer));
  });
}
