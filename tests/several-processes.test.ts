/** A run in two processes through the whole platform: upload, train, ask, held against the run of one process. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainingRun } from '#contract/training-run.ts';
import { WorkerEvent } from '#contract/worker.ts';
import { until } from './running-platform.ts';
import { rows, startTunedTiny, type TunedTiny } from './tuned-tiny.ts';

const patienceMs = 240_000;
const question = [{ role: 'user', content: 'who ran ?' }];

describe('a run in two processes', () => {
  let tiny: TunedTiny;
  beforeAll(async () => {
    tiny = await startTunedTiny();
  }, patienceMs);
  afterAll(async () => {
    await tiny?.close();
  }, patienceMs);

  /** The same rows, seed and settings as the run of one process. */
  async function train(distributed: string, more: object = {}): Promise<string> {
    const { settings, adapter } = tiny.run.config;
    const { n_epochs, batch_size, learning_rate, threads, prompt_dropout, save_steps, gradient_accumulation_steps } = settings;
    const given = { n_epochs, batch_size, learning_rate, threads, prompt_dropout, save_steps, gradient_accumulation_steps };
    const body = { model: tiny.run.model, training_file: await tiny.upload(rows), seed: 3 };
    const extensions = { ...given, adapter, distributed, processes: 2, ...more };
    return (await tiny.call<{ id: string }>('/v1/fine_tuning/jobs', { ...body, extensions })).id;
  }
  const runOf = (id: string): Promise<TrainingRun> => tiny.call(`/api/v1/training/jobs/${id}`);
  const ended = (id: string): Promise<TrainingRun> =>
    until(async () => {
      const run = await runOf(id);
      return ['succeeded', 'failed', 'cancelled'].includes(run.status) ? run : null;
    });

  /** What the worker wrote of the run. */
  function eventsOf(id: string): WorkerEvent[] {
    const text = readFileSync(join(tiny.data, 'runs', id, 'attempt-1', 'events.jsonl'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => WorkerEvent.parse(JSON.parse(line)));
  }
  const losses = (id: string): number[] => eventsOf(id).flatMap((event) => (event.type === 'run-step' ? [event.loss] : []));

  it.each(['ddp', 'fsdp2'])(
    'by %s has the losses of one process, and its model answers what that one answers',
    async (distributed) => {
      const run = await ended(await train(distributed));
      expect(run.failure).toBeNull();
      const [one, two] = [losses(tiny.run.id), losses(run.id)];
      expect(two).toHaveLength(60);
      for (const [step, loss] of two.entries()) expect(Math.abs(loss - one[step]!)).toBeLessThan(1e-4);
      const ask = async (model: string): Promise<string> => {
        const body = { model, messages: question, temperature: 0, max_tokens: 12 };
        const answer = await tiny.call<{ choices: { message: { content: string } }[] }>('/v1/chat/completions', body);
        return answer.choices[0]!.message.content;
      };
      expect(await ask(run.fine_tuned_model!)).toBe(await ask(tiny.model));
    },
    patienceMs,
  );

  it(
    'is cancelled with all its processes',
    async () => {
      const id = await train('ddp', { n_epochs: 50, save_steps: 1000 });
      await until(async () => (await runOf(id)).step > 0);
      const first = eventsOf(id).find((event) => event.type === 'run-started')!;
      const started = Number(parentOf(first.pid));
      expect(childrenOf(started)).toHaveLength(2);
      await tiny.call(`/v1/fine_tuning/jobs/${id}/cancel`, {}, 'POST');
      expect((await ended(id)).status).toBe('cancelled');
      await until(async () => childrenOf(started).length === 0);
    },
    patienceMs,
  );
});

const statusOf = (pid: number): string[] => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
};
const parentOf = (pid: number): string | undefined => statusOf(pid)[1];
const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === String(parent));
