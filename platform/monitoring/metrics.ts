/** What the platform counts about itself, in Prometheus' text form, and the few calls that count it. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** One request for tokens, from its admission to its last byte. */
export interface RequestMeter {
  /** Tokens that reached the platform from the engine; what was generated before an abort counts too. */
  generated(tokens: number): void;
  ended(outcome: 'ok' | 'error' | 'aborted', abortReason?: AbortReason): void;
}

export type AbortReason = 'client_gone' | 'client_too_slow' | 'cancelled' | 'shutdown';

/** What only the engine knows; read when the metrics are. */
export interface EngineReading {
  gpuMemoryBytes: number;
  versions: { id: string; loadSeconds: number }[];
}

export interface Metrics {
  /** `endpoint` is a route's pattern, never a caller's text; `model` is the id of a model that exists. */
  startRequest(endpoint: string, model: string): RequestMeter;
  /** The text that Prometheus reads. */
  read(engine: EngineReading): Promise<string>;
  readonly contentType: string;
}

/** Seconds; a first token comes in tens of milliseconds, a long answer on a CPU in minutes. */
const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'llm_requests_total',
    help: 'Requests for tokens, by how they ended.',
    labelNames: ['model', 'endpoint', 'outcome'],
    registers,
  });
  const latency = new Histogram({
    name: 'llm_request_latency_seconds',
    help: 'From admission to the last byte.',
    labelNames: ['model', 'endpoint'],
    buckets: latencyBuckets,
    registers,
  });
  const tokens = new Counter({ name: 'llm_tokens_generated_total', help: 'Tokens generated.', labelNames: ['model'], registers });
  const active = new Gauge({ name: 'llm_active_requests', help: 'Requests for tokens under way.', registers });
  const aborted = new Counter({
    name: 'generations_aborted_total',
    help: 'Requests whose generation was stopped before its end.',
    labelNames: ['reason'],
    registers,
  });
  const load = new Gauge({ name: 'llm_model_load_seconds', help: 'Time it took to load a version.', labelNames: ['model'], registers });
  const gpu = new Gauge({ name: 'llm_gpu_memory_bytes', help: 'GPU memory that serving holds.', registers });

  return {
    contentType: registry.contentType,
    startRequest(endpoint, model) {
      active.inc();
      const startedAt = performance.now();
      let isOver = false;
      return {
        generated: (count) => tokens.inc({ model }, count),
        ended(outcome, abortReason) {
          if (isOver) return;
          isOver = true;
          active.dec();
          requests.inc({ model, endpoint, outcome });
          latency.observe({ model, endpoint }, (performance.now() - startedAt) / 1000);
          if (outcome === 'aborted') aborted.inc({ reason: abortReason ?? 'cancelled' });
        },
      };
    },
    read(engine) {
      gpu.set(engine.gpuMemoryBytes);
      load.reset();
      for (const version of engine.versions) load.set({ model: version.id }, version.loadSeconds);
      return registry.metrics();
    },
  };
}
