import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { viewJob } from '#platform/api/views.ts';
import { createFile } from '#platform/data/files.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { submitRun } from './submit-run.ts';
import { testContextLength } from './test-models.ts';
import { project, trainingRows, useTrainings, type TestTraining } from './test-training.ts';

const check = { type: 'string_check', name: 'check', input: '{{sample.output_text}}', reference: '{{item.reference}}', operation: 'eq' };
const judge = { type: 'score_model', name: 'judge', model: 'tiny', input: [{ role: 'developer', content: 'Rate {{sample.output_text}}' }] };
const both = (calculate_output: string) => ({ type: 'multi', name: 'both', graders: { check, judge }, calculate_output });
const reinforced = (grader: object, hyperparameters: object = {}) => ({
  method: { type: 'reinforcement', reinforcement: { grader, hyperparameters } },
});

describeDatabases('submitting a run', (database) => {
  const open = useTrainings(database);

  async function upload(
    training: TestTraining,
    content: string,
    projectId = project,
    purpose: 'fine-tune' | 'user_data' = 'fine-tune',
  ): Promise<string> {
    return (await createFile(training.files, projectId, { filename: 'rows.jsonl', purpose, body: Readable.from([content]) })).id;
  }
  const countRuns = async (training: TestTraining): Promise<number> => (await training.db.selectFrom('runs').select('id').execute()).length;

  it('freezes a complete configuration, and says what was chosen and why', async () => {
    const training = await open();
    const run = await training.submit({
      suffix: 'lumen',
      seed: 7,
      metadata: { team: 'a' },
      extensions: { adapter: { r: 8 }, logging_steps: 2 },
    });
    expect(run).toMatchObject({ state: 'queued', base_model: 'tiny', suffix: 'lumen', seed: 7, metadata: { team: 'a' }, attempt: 0 });
    const { adapter, settings, chosen } = run.config;
    expect(adapter).toMatchObject({ type: 'lora', r: 8, lora_alpha: 32 });
    expect(settings).toMatchObject({ logging_steps: 2, lr_scheduler_type: 'cosine' });
    expect(chosen.map((one) => one.field).toSorted()).toEqual([
      'adapter.layers_to_transform',
      'adapter.lora_dropout',
      'adapter.target_modules',
      'batch_size',
      'gradient_accumulation_steps',
      'learning_rate',
      'n_epochs',
      'prompt_dropout',
      'warmup_ratio',
      'weight_decay',
    ]);
    for (const { field, value } of chosen) {
      const [part, name] = field.startsWith('adapter.') ? [adapter, field.slice('adapter.'.length)] : [settings, field];
      expect((part as unknown as Record<string, unknown>)[name]).toEqual(value);
    }
  });

  it('lets explicit values win, takes a given batch size as the whole batch, and multiplies the learning rate', async () => {
    const training = await open();
    const chosen = await training.submit();
    const hyperparameters = { n_epochs: 2, batch_size: 16, learning_rate_multiplier: 0.5 };
    const run = await training.submit({ method: { type: 'supervised', supervised: { hyperparameters } } });
    expect(run.config.settings).toMatchObject({ n_epochs: 2, batch_size: 16, gradient_accumulation_steps: 1 });
    expect(run.config.settings.learning_rate).toBeCloseTo(chosen.config.settings.learning_rate / 2);
    expect(run.config.learning_rate_multiplier).toBe(0.5);
    const explicit = await training.submit({
      extensions: { learning_rate: 0.01, batch_size: 2, gradient_accumulation_steps: 8 },
      hyperparameters: { learning_rate_multiplier: 3 },
    });
    expect(explicit.config.settings).toMatchObject({ learning_rate: 0.03, batch_size: 2, gradient_accumulation_steps: 8 });
    expect(explicit.config.chosen.map((one) => one.field)).not.toContain('learning_rate');
  });

  it("takes OpenAI's reinforcement as its own method with graders, and shows it as it was sent", async () => {
    const training = await open();
    const grader = both('0.9 * check + 0.1 * judge');
    const run = await training.submit({
      ...reinforced(grader, { n_epochs: 2, compute_multiplier: 0.5, eval_interval: 3, reasoning_effort: 'default' }),
      validation_file: training.trainingFile,
    });
    expect(run.config.method).toMatchObject({
      type: 'grpo',
      num_generations: 4,
      formula: {
        calculate_output: '0.9 * check + 0.1 * judge',
        rules: { judge: { input: [{ role: 'system', content: 'Rate {{sample.output_text}}' }], lowest: 0, highest: 1 } },
      },
    });
    expect(run.config.settings).toMatchObject({ n_epochs: 2, eval_steps: 3 });
    expect(viewJob(run).method).toEqual({
      type: 'reinforcement',
      reinforcement: {
        grader,
        hyperparameters: {
          n_epochs: 2,
          batch_size: run.config.settings.batch_size,
          learning_rate_multiplier: 1,
          compute_multiplier: 0.5,
          eval_interval: 3,
          eval_samples: 'auto',
          reasoning_effort: 'default',
        },
      },
    });
  });

  it.each([
    [{ model: 'tyni' }, 'model_not_found', 'model'],
    [{ model: 'mistral-7b' }, 'model_not_ready', 'model'],
    [{ model: 'scripted' }, 'unsupported_value', 'model'],
    [{ model: 'ft:tiny:default::aB3dE6f8' }, 'unsupported_value', 'model'],
    [{ training_file: 'file-none' }, 'file_not_found', 'training_file'],
    [{ validation_file: 'file-none' }, 'file_not_found', 'validation_file'],
    [{ method: { type: 'reinforcement' } }, 'invalid_request', 'method.reinforcement'],
    [reinforced({ ...check, reference: '{{item.nothing}}' }), 'invalid_training_file', 'training_file'],
    [reinforced({ ...check, reference: '{{row.answer}}' }), 'unsupported_value', 'method.reinforcement.grader'],
    [reinforced({ ...judge, model: 'gpt-4o' }), 'unsupported_value', 'method.reinforcement.grader.model'],
    [
      reinforced({ ...judge, sampling_params: { temperature: 1 } }),
      'unsupported_value',
      'method.reinforcement.grader.sampling_params.temperature',
    ],
    [reinforced(both('check + jugde')), 'invalid_request', 'method.reinforcement.grader.calculate_output'],
    [reinforced(check, { eval_interval: 5 }), 'invalid_request', 'method.reinforcement.hyperparameters.eval_interval'],
    [{ ...reinforced(judge), extensions: { adapter: { type: 'full' } } }, 'invalid_request', 'extensions.adapter.type'],
    [{ ...reinforced(check), extensions: { method: { type: 'dpo' } } }, 'invalid_request', 'extensions.method.type'],
    [
      { ...reinforced(check), extensions: { method: { type: 'grpo', graders: [{ type: 'string_check' }] } } },
      'invalid_request',
      'extensions.method.graders',
    ],
    [
      { ...reinforced(check, { compute_multiplier: 2 }), extensions: { method: { type: 'grpo', num_generations: 4 } } },
      'invalid_request',
      'extensions.method.num_generations',
    ],
    [{ integrations: [{ type: 'wandb', wandb: { project: 'p' } }] }, 'invalid_request', 'integrations'],
    [{ hyperparameters: { n_epochs: 51 } }, 'invalid_request', 'hyperparameters.n_epochs'],
    [{ hyperparameters: { n_epochs: 'many' } }, 'invalid_request', 'hyperparameters.n_epochs'],
    [{ extensions: { adapter: { r: 0 } } }, 'invalid_request', 'extensions.adapter.r'],
    [{ extensions: { adapter: { rank: 8 } } }, 'unsupported_parameter', 'extensions.adapter.rank'],
    [{ extensions: { learning_rat: 1e-3 } }, 'unsupported_parameter', 'extensions.learning_rat'],
    [{ extensions: { adapter: { layers_to_transform: [1, 2] } } }, 'invalid_request', 'extensions.adapter.layers_to_transform'],
    [{ extensions: { max_seq_length: 65 } }, 'invalid_request', 'extensions.max_seq_length'],
    [{ extensions: { n_epochs: 2 }, hyperparameters: { n_epochs: 3 } }, 'invalid_request', 'extensions.n_epochs'],
    [
      { hyperparameters: { learning_rate_multiplier: 1000 } },
      'invalid_request',
      'method.supervised.hyperparameters.learning_rate_multiplier',
    ],
  ])('refuses %j with %s and the path of the field, and starts nothing', async (body, code, param) => {
    const training = await open();
    const before = await countRuns(training);
    await expect(training.submit(body)).rejects.toMatchObject({ code, param });
    expect(await countRuns(training)).toBe(before);
  });

  it('does not see a file of another project, and none with another purpose', async () => {
    const training = await open();
    await training.db
      .insertInto('projects')
      .values({ id: 'proj_other', name: 'other' })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const theirs = await upload(training, trainingRows(3), 'proj_other');
    await expect(training.submit({ training_file: theirs })).rejects.toMatchObject({ code: 'file_not_found', param: 'training_file' });
    const other = await upload(training, trainingRows(3), project, 'user_data');
    await expect(training.submit({ training_file: other })).rejects.toMatchObject({
      code: 'invalid_training_file',
      param: 'training_file',
      message: expect.stringContaining('user_data') as string,
    });
  });

  it('names every row that cannot be trained on, by its number and reason, all at once', async () => {
    const training = await open();
    const say = (content: string, role = 'assistant'): string =>
      JSON.stringify({
        messages: [
          { role: 'user', content: 'hi' },
          { role, content },
        ],
      });
    const rows = [
      say('fine'),
      '{"messages": [',
      say('x', 'narrator'),
      JSON.stringify({ messages: [{ role: 'user', content: 'hi' }] }),
      say('word '.repeat(testContextLength)),
      say('fine'),
    ];
    const file = await upload(training, rows.join('\n'));
    const before = await countRuns(training);
    const refused = await training.submit({ training_file: file }).catch((error: unknown) => error as Error);
    expect(refused).toMatchObject({ code: 'invalid_training_file', param: 'training_file' });
    const { message } = refused as Error;
    for (const row of [2, 3, 4, 5]) expect(message).toContain(`row ${row}: `);
    for (const row of [1, 6]) expect(message).not.toContain(`row ${row}: `);
    expect(message).toContain(String(testContextLength));
    await expect(training.submit({ validation_file: file })).rejects.toMatchObject({
      code: 'invalid_training_file',
      param: 'validation_file',
    });
    expect(await countRuns(training)).toBe(before);
  });

  it('refuses a row that is longer than the length asked for', async () => {
    const training = await open();
    await expect(training.submit({ extensions: { max_seq_length: 8 } })).rejects.toMatchObject({ code: 'invalid_training_file' });
  });

  it('makes one run of fifty requests at once with one key', async () => {
    const training = await open({ script: { steps: 1 } });
    const body = { model: 'tiny', training_file: training.trainingFile, seed: 3 };
    const runs = await Promise.all(Array.from({ length: 50 }, () => submitRun(training, project, body, 'key-1')));
    expect(new Set(runs.map((run) => run.id)).size).toBe(1);
    expect((await submitRun(training, project, { ...body, suffix: null }, 'key-2')).id).not.toBe(runs[0]!.id);
  });

  it('refuses another request with the same key, and takes the order of its fields for nothing', async () => {
    const training = await open();
    const body = { model: 'tiny', training_file: training.trainingFile, seed: 3 };
    const run = await submitRun(training, project, body, 'key-3');
    await expect(submitRun(training, project, { ...body, seed: 4 }, 'key-3')).rejects.toMatchObject({
      code: 'idempotency_mismatch',
      status: 422,
    });
    const turned = Object.fromEntries(Object.entries(body).toReversed());
    expect((await submitRun(training, project, turned, 'key-3')).id).toBe(run.id);
  });

  it('gives the run of a key also when its file is gone since', async () => {
    const training = await open();
    const file = await upload(training, trainingRows(2));
    const run = await submitRun(training, project, { model: 'tiny', training_file: file }, 'key-4');
    await training.db.deleteFrom('files').where('id', '=', file).execute();
    expect((await submitRun(training, project, { model: 'tiny', training_file: file }, 'key-4')).id).toBe(run.id);
  });
});
