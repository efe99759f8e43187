/** GET /metrics: the platform's counters in Prometheus' text form. */
import type { RouteGroup } from '../../api-server.ts';

export const metricsRoutes: RouteGroup = (server, { metrics, engines }) => {
  const schema = { tags: ['server'], summary: 'Counters for Prometheus; also readable with TUNELOOP_METRICS_TOKEN' };
  server.get('/metrics', { schema, config: { access: 'metrics' } }, async (_request, reply) => {
    // An engine that does not answer must not hide what the platform itself has counted.
    const readings = await Promise.all(engines.all.map((engine) => engine.status().catch(() => null)));
    const running = readings.filter((reading) => reading !== null);
    const text = await metrics.read({
      gpuMemoryBytes: running.reduce((sum, reading) => sum + reading.gpuMemoryBytes, 0),
      versions: running.flatMap((reading) => reading.versions),
    });
    return reply.type(metrics.contentType).send(text);
  });
};
