/** A name that is pointed at another version 200 times while 20 requests a second use it: what fails, what is mixed, what it costs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ChatCompletion } from '#contract/openai/chat-answers.ts';
import { openDatabase } from '#platform/storage/database.ts';
import { writeLora } from '../tests/lora-gguf.ts';
import { linkDemoModel, newDataDir, removeDataDir, type RunningPlatform, startPlatform, untilWarm } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const base = 'smollm2-135m-instruct';
/** The demo model's. */
const shape = { layers: 30, rank: 9, inputs: 576, outputs: 576 };
const perSecond = 20;
const swaps = 200;
/** Between two swaps: all of them within the time of some 160 requests. */
const swapEveryMs = 40;
/** Few, so that a laptop's two cores keep up with the rate: what a full queue adds is not the swap's. */
const answerTokens = 2;
/** Sequences that a version decodes at once where TUNELOOP_ENGINE_SLOTS says nothing. */
const usualSlots = 8;
const goalAddedMs = 50;

interface Asked {
  isWhole: boolean;
  /** The version that the header names. */
  version: string;
  text: string;
  ms: number;
}

/** Two versions whose every answer is the one's or the other's, with rows and files as a run leaves them. */
async function makeVersions(dataDir: string): Promise<string[]> {
  const database = await openDatabase({ database: '', data: dataDir });
  const { db } = database;
  const { base_sha256 } = JSON.parse(readFileSync(join(dataDir, 'models', base, 'manifest.json'), 'utf8')) as { base_sha256: string };
  const ids: string[] = [];
  for (const [index, name] of ['left', 'right'].entries()) {
    const run = {
      id: `ftjob-${name}`,
      project_id: 'proj_default',
      state: 'succeeded' as const,
      base_model: base,
      training_file: 'file-none',
    };
    await db
      .insertInto('runs')
      .values({
        ...run,
        validation_file: null,
        suffix: null,
        seed: 1,
        metadata: '{}',
        config: '{}',
        idempotency_key: null,
        request_sha256: null,
      })
      .execute();
    const path = `runs/${run.id}/adapter`;
    mkdirSync(join(dataDir, path), { recursive: true });
    const adapter_sha256 = await writeLora(join(dataDir, path, 'adapter.gguf'), shape, index + 2, 2);
    const of = { kind: 'adapter', run_id: run.id, attempt: 1, step: 1, base_model: base, base_sha256, config_sha256: '' };
    const manifest = JSON.stringify({ version: 1, ...of, files: [{ path: 'adapter.gguf', size: 0, sha256: adapter_sha256 }] });
    writeFileSync(join(dataDir, path, 'manifest.json'), manifest);
    const manifest_sha256 = createHash('sha256').update(manifest).digest('hex');
    const id = `ft:${base}:default::${name}`;
    const about = { project_id: 'proj_default', base_model: base, run_id: run.id, step: 1, is_final: true };
    await db
      .insertInto('model_versions')
      .values({ id, ...about, path, manifest_sha256, adapter_sha256, deleted_at: null })
      .execute();
    ids.push(id);
  }
  await database.close();
  return ids;
}

async function ask({ url, key }: RunningPlatform, model: string): Promise<Asked> {
  const startedMs = performance.now();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, temperature: 0, max_tokens: answerTokens, messages: [{ role: 'user', content: 'Tell me a story.' }] }),
  });
  const body = (await answer.json()) as Partial<ChatCompletion>;
  const version = answer.headers.get('x-tuneloop-version')?.split('@')[0] ?? '';
  const text = body.choices?.[0]?.message.content ?? '';
  return { isWhole: answer.ok && text !== '', version, text, ms: performance.now() - startedMs };
}

async function point({ url, key }: RunningPlatform, model: string): Promise<number> {
  const startedMs = performance.now();
  const answer = await fetch(`${url}/api/v1/aliases/bench`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model }),
  });
  if (!answer.ok) throw new Error(`the alias could not be set: ${await answer.text()}`);
  return performance.now() - startedMs;
}

/** Asks at an even rate, whether earlier ones are answered or not, until `until` has ended. */
async function askSteadily(platform: RunningPlatform, modelOf: (count: number) => string, until: Promise<void>): Promise<Asked[]> {
  let isOver = false;
  void until.then(() => (isOver = true));
  const asked: Promise<Asked>[] = [];
  for (let count = 0; !isOver; count++) {
    asked.push(ask(platform, modelOf(count)));
    await wait(1000 / perSecond);
  }
  return Promise.all(asked);
}

/** The value below which a share of them lies. */
function quantile(values: number[], share: number): number {
  return values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(share * values.length))]!;
}

async function measure(platform: RunningPlatform, ids: string[]): Promise<Figure[]> {
  const sentinels = new Map<string, string>();
  for (const id of ids) sentinels.set(id, (await ask(platform, id)).text);
  if (new Set(sentinels.values()).size !== ids.length) throw new Error('the two versions answer the same: nothing would show a mix-up');
  // Every sequence of both versions has read the prompt: what the first answers take is not the swap's either.
  for (const id of ids) await Promise.all(Array.from({ length: 2 * usualSlots }, () => ask(platform, id)));
  await point(platform, ids[0]!);
  const swapMs: number[] = [];
  const swapping = (async () => {
    for (let count = 1; count <= swaps; count++) {
      swapMs.push(await point(platform, ids[count % 2]!));
      await wait(swapEveryMs);
    }
  })();
  const swapped = await askSteadily(platform, () => 'bench', swapping);
  // The same versions in the same order at the same rate, by their own names: what is left between the two is the swapping.
  const still = await askSteadily(platform, (count) => swapped[count]?.version ?? ids[0]!, wait((swapped.length * 1000) / perSecond));
  const failed = swapped.filter(({ isWhole }) => !isWhole).length;
  const mixed = swapped.filter(({ isWhole, version, text }) => isWhole && text !== sentinels.get(version)).length;
  const [stillP99, swappedP99] = [still, swapped].map((asked) =>
    quantile(
      asked.map(({ ms }) => ms),
      0.99,
    ),
  );
  const added = swappedP99! - stillP99!;
  const startedMs = performance.now();
  await fetch(`${platform.url}/api/v1/aliases/bench/rollback`, { method: 'POST', headers: { authorization: `Bearer ${platform.key}` } });
  await ask(platform, 'bench');
  const backMs = performance.now() - startedMs;
  return [
    { name: 'requests while the alias was re-pointed', value: swapped.length, unit: '' },
    { name: 'failed', value: failed, unit: '', goal: '<= 0', holds: failed === 0 },
    { name: 'not the answer of the version named', value: mixed, unit: '', goal: '<= 0', holds: mixed === 0 },
    { name: 'p99 without swaps', value: stillP99!, unit: 'ms' },
    { name: 'p99 with swaps', value: swappedP99!, unit: 'ms' },
    { name: 'p99 added', value: added, unit: 'ms', goal: `<= ${goalAddedMs}`, holds: added <= goalAddedMs },
    { name: 'a swap, p99', value: quantile(swapMs, 0.99), unit: 'ms' },
    { name: 'rollback and first answer', value: backMs, unit: 'ms', goal: '<= 1000', holds: backMs <= 1000 },
  ];
}

export async function run(): Promise<Figure[]> {
  const dataDir = newDataDir();
  linkDemoModel(dataDir);
  const ids = await makeVersions(dataDir);
  const platform = await startPlatform(dataDir, { TUNELOOP_WARM_MODEL: base, TUNELOOP_PARITY: 'false' });
  try {
    // A worker that is still loading takes the cores that the answers are to come from.
    await untilWarm(platform);
    return await measure(platform, ids);
  } finally {
    await platform.stop();
    removeDataDir(dataDir);
  }
}
