/** OpenAI's reinforcement fine-tuning by its own client, on a tiny model: from rows with reference fields to a model that is graded better. */
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { until } from './running-platform.ts';
import { base, startTiny, type Tiny } from './tuned-tiny.ts';

/** As OpenAI documents them: questions, and what graders read beside them. */
const rows = ['is it red ?', 'who sat ?', 'who ran ?', 'will it rain ?'].map((content) =>
  JSON.stringify({ messages: [{ role: 'user', content }], wanted: { answer: 'yes.' } }),
);
const close = {
  type: 'text_similarity',
  name: 'close',
  input: '{{sample.output_text}}',
  reference: '{{item.wanted.answer}}',
  evaluation_metric: 'fuzzy_match',
} as const;
const right = {
  type: 'string_check',
  name: 'right',
  input: '{{ sample.output_text }}',
  reference: '{{item.wanted.answer}}',
  operation: 'eq',
} as const;
// The client's type knows one grader of a "multi"; the API and its documents have them by name.
const grader = {
  type: 'multi',
  name: 'both',
  graders: { close, right },
  calculate_output: '0.8 * close + 0.2 * right',
} as unknown as OpenAI.FineTuning.ReinforcementMethod['grader'];

describe('reinforcement fine-tuning', { timeout: 240_000 }, () => {
  let tiny: Tiny;
  let client: OpenAI;
  beforeAll(async () => {
    tiny = await startTiny({ PARITY: 'false', GRADER_SANDBOX: join(projectRoot, '.venv/bin/python') });
    client = new OpenAI({ baseURL: `${tiny.test.url}/v1`, apiKey: tiny.test.key, maxRetries: 0 });
  }, 240_000);
  afterAll(() => tiny?.close());

  it('raises the reward, and the job shows its method as it was sent', async () => {
    const file = await client.files.create({ purpose: 'fine-tune', file: await toFile(Buffer.from(rows.join('\n')), 'rows.jsonl') });
    const hyperparameters = { n_epochs: 40, batch_size: 4, eval_interval: 20, reasoning_effort: 'default' } as const;
    const extensions = {
      learning_rate: 0.01,
      threads: 1,
      probes: { enabled: false },
      method: { type: 'grpo', max_completion_tokens: 8 },
      adapter: { r: 8, lora_dropout: 0, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'up_proj'] },
    };
    const asked: OpenAI.FineTuning.JobCreateParams & { extensions: object } = {
      model: base,
      training_file: file.id,
      validation_file: file.id,
      seed: 3,
      method: { type: 'reinforcement', reinforcement: { grader, hyperparameters } },
      extensions,
    };
    const { id } = await client.fineTuning.jobs.create(asked);
    const job = await until(async () => {
      const seen = await client.fineTuning.jobs.retrieve(id);
      if (seen.status === 'failed') throw new Error(seen.error?.message);
      return seen.status === 'succeeded' ? seen : null;
    });
    expect(job.method).toEqual({
      type: 'reinforcement',
      reinforcement: {
        grader,
        hyperparameters: { ...hyperparameters, learning_rate_multiplier: 1, compute_multiplier: 'auto', eval_samples: 'auto' },
      },
    });
    const rewards: number[] = [];
    for await (const event of client.fineTuning.jobs.listEvents(id, { limit: 100 })) {
      const data = event.data as { train_loss?: number; metrics?: { reward: number } };
      if (event.type === 'metrics' && data.train_loss !== undefined) rewards.unshift(data.metrics!.reward);
    }
    expect(rewards).toHaveLength(40);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(rewards.slice(-8))).toBeGreaterThan(mean(rewards.slice(0, 8)) + 0.1);
    expect(job.fine_tuned_model).toMatch(/^ft:tiny:/);
  });

  it('learns from code in the sandbox that the operator named', async () => {
    const file = await client.files.create({ purpose: 'fine-tune', file: await toFile(Buffer.from(rows.join('\n')), 'rows.jsonl') });
    const source = "def grade(sample, item):\n    return float(item['wanted']['answer'] in sample['output_text'])";
    const code = { type: 'python', name: 'code', source } as const;
    const asked: OpenAI.FineTuning.JobCreateParams & { extensions: object } = {
      model: base,
      training_file: file.id,
      method: { type: 'reinforcement', reinforcement: { grader: code, hyperparameters: { n_epochs: 1, batch_size: 4 } } },
      extensions: { threads: 1, probes: { enabled: false }, method: { type: 'grpo', max_completion_tokens: 8 } },
    };
    const { id } = await client.fineTuning.jobs.create(asked);
    const job = await until(async () => {
      const seen = await client.fineTuning.jobs.retrieve(id);
      if (seen.status === 'failed') throw new Error(seen.error?.message);
      return seen.status === 'succeeded' ? seen : null;
    });
    expect(job.method).toMatchObject({ reinforcement: { grader: code } });
    const { data } = await client.fineTuning.jobs.listEvents(id, { limit: 100 });
    const [step] = data.filter(({ type }) => type === 'metrics');
    expect(step!.data).toMatchObject({ metrics: { grader_errors: 0 } });
  });

  it('is refused with a code, the path and the reason where a grader cannot be served', async () => {
    const file = await client.files.create({ purpose: 'fine-tune', file: await toFile(Buffer.from(rows.join('\n')), 'rows.jsonl') });
    const python = { type: 'python', name: 'it', source: 'def grade(sample, item): return 1' } as const;
    const submit = (asked: OpenAI.FineTuning.ReinforcementMethod['grader']) =>
      client.fineTuning.jobs.create({
        model: base,
        training_file: file.id,
        method: { type: 'reinforcement', reinforcement: { grader: asked } },
      });
    await expect(submit({ ...python, source: 'def grade(sample, item) return 1' })).rejects.toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'method.reinforcement.grader.source',
      message: expect.stringContaining('line 1: SyntaxError') as string,
    });
    await expect(submit({ ...close, reference: '{{item.wanted.tone}}' })).rejects.toMatchObject({
      status: 400,
      code: 'invalid_training_file',
      param: 'training_file',
      message: expect.stringContaining('{{item.wanted.tone}}: there is no "tone" in the row') as string,
    });
  });
});
