/** Every method from a job to a model version with the real worker: a model of two random layers, on PGlite. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { viewJob } from '#platform/api/views.ts';
import { createFile } from '#platform/data/files.ts';
import { openDatabase, type OpenDatabase } from '#platform/storage/database.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import type { RunRow } from '#platform/training/rows.ts';
import { openTestTraining, project, type TestTraining } from '#platform/training/test-training.ts';

const settings = { n_epochs: 4, batch_size: 2, learning_rate: 0.02, threads: 1, probes: { enabled: false } };
const numbers = Array.from({ length: 10 }, (_, index) => index);
const ask = (number: number) => [{ role: 'user', content: `What is ${number} ?` }];
const say = (number: number) => [{ role: 'assistant', content: `${number} is ${number} .` }];

const rows = {
  preference: numbers.map((at) => ({ input: { messages: ask(at) }, preferred_output: say(at), non_preferred_output: say(at + 20) })),
  // The flat form of the field: it is written anew in OpenAI's.
  flat: numbers.map((at) => ({ prompt: `What is ${at} ?`, chosen: `${at} is ${at} .`, rejected: `${at + 20} is ${at + 20} .` })),
  unpaired: numbers.map((at) => ({ prompt: ask(at), completion: say(at % 2 === 0 ? at : at + 20), label: at % 2 === 0 })),
};

describe('a tiny model and the real worker', () => {
  let database: OpenDatabase;
  let training: TestTraining;
  const files = {} as Record<keyof typeof rows, string>;
  const data = mkdtempSync(join(tmpdir(), 'train-methods-'));

  beforeAll(async () => {
    const settings = await newTestDatabase('pglite');
    database = await openDatabase(settings);
    training = await openTestTraining({ current: database, settings: { database: '', data } }, { command: null, data });
    await training.launcher.warm(join(training.baseModels.dir, 'tiny', 'model'));
    for (const [name, list] of Object.entries(rows) as [keyof typeof rows, object[]][]) {
      const body = Readable.from([list.map((row) => `${JSON.stringify(row)}\n`).join('')]);
      files[name] = (await createFile(training.files, project, { filename: `${name}.jsonl`, purpose: 'fine-tune', body })).id;
    }
  }, 120_000);
  afterAll(async () => {
    await training?.stop();
    await database?.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });

  async function train(
    kind: keyof typeof rows | 'chats',
    body: Record<string, unknown>,
  ): Promise<{ run: RunRow; steps: Record<string, unknown>[] }> {
    const extensions = { ...settings, ...(body['extensions'] as object | undefined) };
    const file = kind === 'chats' ? {} : { training_file: files[kind], validation_file: files[kind] };
    const { id } = await training.submit({ ...file, seed: 5, ...body, extensions });
    const run = await training.ended(id);
    expect(run.failure).toBeNull();
    expect(existsSync(join(data, 'runs', id, 'adapter', 'adapter.gguf'))).toBe(true);
    return { run, steps: (await training.events(id)).filter(({ type }) => type === 'run-evaluated').map((event) => event.data) };
  }

  const margins = (steps: Record<string, unknown>[]): number[] =>
    steps.map((step) => (step['metrics'] as Record<string, number>)['rewards/margins']!);

  it("trains preferences in OpenAI's words, and answers the job in them", async () => {
    const { run, steps } = await train('preference', { method: { type: 'dpo', dpo: { hyperparameters: { beta: 0.2 } } } });
    expect(margins(steps).at(-1)!).toBeGreaterThan(margins(steps)[0]!);
    const job = FineTuningJob.parse(viewJob(run));
    expect(job.method).toMatchObject({ type: 'dpo', dpo: { hyperparameters: { beta: 0.2, n_epochs: 4 } } });
    expect(run.config.method).toMatchObject({ type: 'dpo', beta: 0.2 });
  }, 120_000);

  it.each([
    ['preference', { type: 'dpo', loss_type: 'ipo' }],
    ['flat', { type: 'orpo' }],
    ['preference', { type: 'simpo' }],
    ['unpaired', { type: 'kto' }],
    ['preference', { type: 'kto' }],
  ] as const)(
    'trains %s rows by %j',
    async (kind, method) => {
      const { run, steps } = await train(kind, { extensions: { method } });
      expect(margins(steps).at(-1)!).toBeGreaterThan(0);
      expect(Number(steps.at(-1)!['loss'])).toBeLessThan(Number(steps[0]!['loss']));
      expect(run.fine_tuned_model).not.toBeNull();
      expect(viewJob(run)).toHaveProperty(method.type === 'dpo' ? 'method.dpo' : 'hyperparameters');
    },
    120_000,
  );

  it('trains on its own graded answers', async () => {
    const method = { type: 'grpo', num_generations: 4, max_completion_tokens: 8, graders: [{ type: 'text_similarity' }] };
    const { run, steps } = await train('chats', { extensions: { method, n_epochs: 2 }, validation_file: training.trainingFile });
    expect(steps).toHaveLength(2);
    expect(steps[0]!['metrics']).toHaveProperty('reward');
    expect(run.config.method).toMatchObject({ type: 'grpo', graders: [{ evaluation_metric: 'fuzzy_match', weight: 1 }] });
  }, 120_000);

  it('trains on layers in four bits, and with a rank-stabilised scale', async () => {
    const { run } = await train('chats', {
      extensions: { adapter: { quantization: 'nf4', use_rslora: true, target_modules: ['q_proj', 'v_proj'] } },
    });
    expect(run.config.adapter).toMatchObject({ quantization: 'nf4', use_rslora: true });
  }, 120_000);

  it('refuses chats where pairs are needed, and pairs where chats are, before anything starts', async () => {
    await expect(training.submit({ method: { type: 'dpo' } })).rejects.toMatchObject({
      code: 'invalid_training_file',
      param: 'training_file',
    });
    await expect(training.submit({ training_file: files.preference })).rejects.toMatchObject({
      message: expect.stringContaining('supervised training takes chats'),
    });
  });
});
