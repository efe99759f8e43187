/** Every method from a job to a model version with the real worker: a model of two random layers, on PGlite. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servedFileOf } from '#contract/adapter.ts';
import type { ChatMessage } from '#contract/openai/chat-messages.ts';
import { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { viewJob, viewVersion } from '#platform/api/views.ts';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { createFile } from '#platform/data/files.ts';
import { Exporter } from '#platform/exports/exporter.ts';
import type { Engine } from '#platform/inference/engine.ts';
import { collect, never } from '#platform/inference/engines/conformance.ts';
import { engines } from '#platform/inference/engines/index.ts';
import { greedyRequest } from '#platform/inference/greedy-request.ts';
import { renderChat } from '#platform/inference/render-chat.ts';
import { listVersions, resolveModel } from '#platform/models/versions.ts';
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
  prompts: numbers.map((at) => ({ prompt: `What is ${at} ?` })),
  unpaired: numbers.map((at) => ({ prompt: ask(at), completion: say(at % 2 === 0 ? at : at + 20), label: at % 2 === 0 })),
};

describe('a tiny model and the real worker', () => {
  let database: OpenDatabase;
  let training: TestTraining;
  let engine: Engine;
  const files = {} as Record<keyof typeof rows, string>;
  const data = mkdtempSync(join(tmpdir(), 'train-methods-'));

  beforeAll(async () => {
    const settings = await newTestDatabase('pglite');
    database = await openDatabase(settings);
    training = await openTestTraining({ current: database, settings: { database: '', data } }, { command: null, data });
    engine = await openDriver(engines, {
      driver: 'transformers',
      python: join(projectRoot, '.venv/bin/python'),
      root: projectRoot,
      threads: 1,
    });
    await training.launcher.warm(join(training.baseModels.dir, 'tiny', 'model'));
    for (const [name, list] of Object.entries(rows) as [keyof typeof rows, object[]][]) {
      const body = Readable.from([list.map((row) => `${JSON.stringify(row)}\n`).join('')]);
      files[name] = (await createFile(training.files, project, { filename: `${name}.jsonl`, purpose: 'fine-tune', body })).id;
    }
  }, 120_000);
  afterAll(async () => {
    await engine?.close();
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
    expect(existsSync(join(data, 'runs', id, 'adapter', servedFileOf(run.config.adapter)))).toBe(true);
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

  it('makes a reward model, which is listed as one and refuses to chat, and trains by PPO with it', async () => {
    const { run, steps } = await train('preference', { extensions: { method: { type: 'reward' }, probes: undefined } });
    expect(margins(steps).at(-1)!).toBeGreaterThan(Math.max(0, margins(steps)[0]!));
    expect(run.config.probes).toMatchObject({ enabled: false });
    expect(existsSync(join(data, 'runs', run.id, 'adapter', 'head.safetensors'))).toBe(true);
    const id = run.fine_tuned_model!;
    const listed = (await listVersions(training.versions, project)).map(viewVersion).filter((model) => model.x_run_id === run.id);
    expect(listed.find((model) => model.id === id)).toMatchObject({ x_kind: 'reward_model', x_base_model: 'tiny' });
    expect(new Set(listed.map((model) => model.x_kind))).toEqual(new Set(['reward_model']));
    await expect(resolveModel(training.versions, project, id)).rejects.toMatchObject({
      code: 'model_refused',
      message: expect.stringContaining('extensions.method.reward_model'),
    });
    const exporter = new Exporter({ ...training, quantizers: '/nowhere' });
    await expect(exporter.start(project, id, 'safetensors')).rejects.toMatchObject({
      code: 'model_refused',
      message: expect.stringContaining(`"${id}" is a reward model`),
    });

    const ppo = { type: 'ppo', reward_model: id, num_ppo_epochs: 2, max_completion_tokens: 4 };
    const trained = await train('prompts', { extensions: { method: ppo, max_steps: 4, batch_size: 4 } });
    expect(trained.steps.at(-1)!['metrics']).toHaveProperty('reward');
    const step = (await training.events(trained.run.id)).find(({ type }) => type === 'run-step')!.data;
    expect(Object.keys(step['metrics'] as object)).toEqual(expect.arrayContaining(['reward', 'kl', 'entropy', 'policy/clipfrac_avg']));
    const unserved = { ...ppo, reward_model: trained.run.fine_tuned_model };
    await expect(training.submit({ extensions: { method: unserved } })).rejects.toMatchObject({
      code: 'unsupported_value',
      param: 'extensions.method.reward_model',
    });
  }, 180_000);

  it('refuses PPO without a reward model that is there, at its path', async () => {
    const param = 'extensions.method.reward_model';
    await expect(training.submit({ extensions: { method: { type: 'ppo' } } })).rejects.toMatchObject({ code: 'invalid_request', param });
    const nobody = { type: 'ppo', reward_model: 'ft:tiny:default::nobody' };
    await expect(training.submit({ extensions: { method: nobody } })).rejects.toMatchObject({ code: 'model_not_found', param });
  });

  it('writes its own answers anew where they break a principle, and learns from that', async () => {
    // The random model says again and again what it said last; drawn answers are of any of its words.
    const violation = { type: 'phrases', phrases: ['What', '?', '.', '4', '5'], broken_when: 'absent' };
    const method = { type: 'constitutional', principles: [{ rule: 'Ask.', violation }], max_revisions: 32, max_completion_tokens: 3 };
    const { run, steps } = await train('prompts', { extensions: { method, max_steps: 4 } });
    expect(steps.at(-1)!['metrics']).toHaveProperty('violation_rate');
    expect(existsSync(join(data, 'runs', run.id, 'revisions.jsonl'))).toBe(true);
  }, 120_000);

  it('trains on layers in four bits, and with a rank-stabilised scale', async () => {
    const { run } = await train('chats', {
      extensions: { adapter: { quantization: 'nf4', use_rslora: true, target_modules: ['q_proj', 'v_proj'] } },
    });
    expect(run.config.adapter).toMatchObject({ quantization: 'nf4', use_rslora: true });
  }, 120_000);

  it.each([
    [{ type: 'ia3' }, 0.1],
    [{ type: 'prefix_tuning', num_virtual_tokens: 4 }, 0.05],
    [{ type: 'full' }, 0.005],
  ])(
    'trains %j, and what it is asked then it answers as the worker itself does',
    async (adapter, learning_rate) => {
      const { run, steps } = await train('chats', { extensions: { adapter, learning_rate }, validation_file: training.trainingFile });
      expect(Number(steps.at(-1)!['loss'])).toBeLessThan(Number(steps[0]!['loss']));
      const { served, modelDir } = await resolveModel(training.versions, project, run.fine_tuned_model!);
      const messages = ask(3);
      const prompt = await engine.tokenize(served, await renderChat(modelDir, messages as ChatMessage[], [], 'model'), 'rendered');
      const events = await collect(engine.generate({ ...greedyRequest(served, prompt, 6), topLogprobs: 1 }, never));
      const said = events.flatMap((event) => (event.type === 'text-delta' ? event.tokens : []));
      const task = { model_dir: modelDir, adapter_dir: dirname(served.adapter!.file), chat_template: null, threads: 1 };
      const { prompts } = await training.launcher.score({
        ...task,
        prompts: [{ messages, answer: said.map(({ tokenId }) => [tokenId]) }],
        rows: [],
      });
      expect(prompts[0]!.prompt_ids).toEqual(prompt);
      const own = prompts[0]!.places.slice(0, said.length);
      expect(own.map(({ best }) => best[0])).toEqual(said.map(({ tokenId }) => tokenId));
      for (const [at, { logprobs }] of own.entries()) expect(logprobs[0]).toBeCloseTo(said[at]!.logprob!, 3);
    },
    120_000,
  );

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
