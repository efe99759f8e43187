/** More than the platform can do at once, and a platform that is asked to stop: who was admitted is answered, who was not is told so. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { linkDemoModel, newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from './running-platform.ts';

const demo = 'smollm2-135m-instruct';
const opened: RunningPlatform[] = [];
afterEach(async () => {
  for (const platform of opened.splice(0)) {
    await platform.stop();
    removeDataDir(platform.dataDir);
  }
});

async function open(environment: Record<string, string>): Promise<RunningPlatform> {
  const dataDir = newDataDir();
  if (environment['TUNELOOP_ENGINE'] !== 'scripted') linkDemoModel(dataDir);
  const platform = await startPlatform(dataDir, environment);
  opened.push(platform);
  return platform;
}

function ask({ url, key }: RunningPlatform, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

describe('a platform that is asked for ten times what it can do', { timeout: 120_000 }, () => {
  it('answers those it admits, tells the others when to come back, and says all the while that it is well', async () => {
    const platform = await open({ TUNELOOP_ENGINE_SLOTS: '2', TUNELOOP_ENGINE_QUEUE: '2', TUNELOOP_WARM_MODEL: demo });
    const chat = { model: demo, max_tokens: 8, messages: [{ role: 'user', content: 'Tell me about the sea.' }] };
    expect((await ask(platform, chat)).status).toBe(200);
    const healthMs: number[] = [];
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const startedMs = performance.now();
        expect((await fetch(`${platform.url}/health`)).status).toBe(200);
        healthMs.push(performance.now() - startedMs);
        await wait(50);
      }
    })();
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(platform, chat)));
    isOver = true;
    await watching;
    const admitted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    expect(admitted.length + refused.length).toBe(40);
    expect(admitted.length).toBeGreaterThanOrEqual(4);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answer.json()).toMatchObject({ error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' } });
    }
    expect(Math.max(...healthMs)).toBeLessThan(2000);
    expect((await ask(platform, chat)).status).toBe(200);
  });
});

describe('a platform that is asked to stop', { timeout: 60_000 }, () => {
  it('lets every answer end that has begun, refuses new ones, and ends with 0', async () => {
    const platform = await open({ TUNELOOP_ENGINE: 'scripted', TUNELOOP_WARM_MODEL: 'none' });
    const content = JSON.stringify({ scripted: { text: 'word ', repeat: 100, delay_ms: 20 } });
    const body = { model: 'scripted', messages: [{ role: 'user', content }] };
    const streams = await Promise.all(Array.from({ length: 10 }, () => ask(platform, { ...body, stream: true })));
    const whole = ask(platform, body);
    await until(async () => {
      const health = (await (await fetch(`${platform.url}/health`)).json()) as { engine: { active: number } };
      return health.engine.active === 11;
    }, 20);
    const exited = new Promise<number | null>((resolve) => platform.process.once('exit', resolve));
    platform.process.kill('SIGTERM');
    const late = await until(async () => {
      const answer = await ask(platform, { ...body, stream: true }).catch(() => null);
      if (answer?.status !== 200) return { status: answer?.status ?? 'refused' };
      await answer.body?.cancel();
      return null;
    }, 20);
    expect([503, 'refused']).toContain(late.status);
    for (const stream of streams) {
      const events = (await stream.text()).trimEnd().split('\n\n');
      expect(events.at(-1)).toBe('data: [DONE]');
      const chunks = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, '')) as ChatCompletionChunk);
      expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('word '.repeat(100));
    }
    expect((await whole).status).toBe(200);
    expect(await exited).toBe(0);
  });
});
