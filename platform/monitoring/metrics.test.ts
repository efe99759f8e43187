import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const idle = { gpuMemoryBytes: 0, versions: [] };

/** Name and labels → value, as Prometheus reads them. */
async function samples(
  metrics: ReturnType<typeof createMetrics>,
  reading: Parameters<typeof metrics.read>[0] = idle,
): Promise<Map<string, number>> {
  const lines = (await metrics.read(reading)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

it('counts a request, its tokens, its time and how it ended', async () => {
  const metrics = createMetrics();
  const meter = metrics.startRequest('/v1/chat/completions', 'm');
  expect((await samples(metrics)).get('llm_active_requests')).toBe(1);
  meter.generated(3);
  meter.generated(2);
  meter.ended('ok');
  const after = await samples(metrics);
  expect(after.get('llm_active_requests')).toBe(0);
  expect(after.get('llm_requests_total{model="m",endpoint="/v1/chat/completions",outcome="ok"}')).toBe(1);
  expect(after.get('llm_tokens_generated_total{model="m"}')).toBe(5);
  expect(after.get('llm_request_latency_seconds_count{model="m",endpoint="/v1/chat/completions"}')).toBe(1);
});

it('counts an end once, and an abort with its reason', async () => {
  const metrics = createMetrics();
  const meter = metrics.startRequest('/generate', 'm');
  meter.ended('aborted', 'client_gone');
  meter.ended('ok');
  const after = await samples(metrics);
  expect(after.get('llm_active_requests')).toBe(0);
  expect(after.get('generations_aborted_total{reason="client_gone"}')).toBe(1);
  expect([...after.keys()].some((name) => name.includes('outcome="ok"'))).toBe(false);
});

it('shows the versions that are loaded now, and those only', async () => {
  const metrics = createMetrics();
  const loaded = await samples(metrics, { gpuMemoryBytes: 7, versions: [{ id: 'a', loadSeconds: 0.5 }] });
  expect(loaded.get('llm_model_load_seconds{model="a"}')).toBe(0.5);
  expect(loaded.get('llm_gpu_memory_bytes')).toBe(7);
  expect((await samples(metrics)).has('llm_model_load_seconds{model="a"}')).toBe(false);
});
