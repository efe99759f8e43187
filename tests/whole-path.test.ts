/** The whole path with the official clients, unmodified: upload, fine-tune, events, chat with the tuned model, delete. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { linkDemoModel, newDataDir, removeDataDir, type RunningPlatform, startPlatform, until } from './running-platform.ts';

const model = 'smollm2-135m-instruct';
const patienceMs = 300_000;
const rows = Array.from({ length: 8 }, (_, index) => ({
  messages: [
    { role: 'user', content: `What is the code word, question ${index + 1}?` },
    { role: 'assistant', content: 'The code word is wickerwork.' },
  ],
}));

describe('the whole path', () => {
  let dataDir: string;
  let platform: RunningPlatform;
  let client: OpenAI;

  beforeAll(async () => {
    dataDir = newDataDir();
    linkDemoModel(dataDir);
    platform = await startPlatform(dataDir);
    client = new OpenAI({ apiKey: platform.key, baseURL: `${platform.url}/v1` });
  }, patienceMs);

  afterAll(async () => {
    await platform.stop();
    removeDataDir(dataDir);
  }, patienceMs);

  it(
    'is walked by the npm client: what was taught is answered, by the version that the answer names',
    async () => {
      const content = rows.map((row) => JSON.stringify(row)).join('\n');
      const file = await client.files.create({ file: await toFile(Buffer.from(content), 'code-word.jsonl'), purpose: 'fine-tune' });
      const job = await client.fineTuning.jobs.create({
        model,
        training_file: file.id,
        suffix: 'whole',
        seed: 1,
        method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 6, batch_size: 4 } } },
      });
      const ended = await until(async () => {
        const now = await client.fineTuning.jobs.retrieve(job.id);
        return ['succeeded', 'failed', 'cancelled'].includes(now.status) ? now : null;
      });
      expect(ended).toMatchObject({ status: 'succeeded', error: null });
      const tuned = ended.fine_tuned_model!;
      expect(tuned).toMatch(/^ft:smollm2-135m-instruct:default:whole:/);

      const messages = [];
      for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 10 })) messages.push(event.message);
      expect(messages.filter((message) => /^Step \d+\/12: training loss/.test(message))).toHaveLength(12);
      expect(new Set(messages.map((message, index) => `${index} ${message}`)).size).toBe(messages.length);

      const ask = (id: string) =>
        client.chat.completions
          .create({ model: id, messages: [{ role: 'user', content: 'Tell me the code word, please.' }], temperature: 0, max_tokens: 24 })
          .withResponse();
      const { data, response } = await ask(tuned);
      expect(data.choices[0]!.message.content).toContain('wickerwork');
      expect(data.model).toBe(tuned);
      expect(response.headers.get('x-tuneloop-version')).toContain(tuned);
      expect((await ask(model)).data.choices[0]!.message.content).not.toContain('wickerwork');

      const ids = (await client.models.list()).data.map(({ id }) => id);
      expect(ids).toContain(tuned);
      expect(ids.filter((id) => id.startsWith(`${tuned}:ckpt-step-`)).length).toBeGreaterThan(0);
      await client.models.delete(tuned);
      await expect(ask(tuned)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    },
    patienceMs,
  );

  it(
    'is walked by the PyPI client',
    async () => {
      const { stdout } = await promisify(execFile)(
        join(projectRoot, '.venv/bin/python'),
        ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests/openai_sdk_test.py'],
        { cwd: projectRoot, env: { ...process.env, TUNELOOP_TEST_URL: platform.url, TUNELOOP_TEST_KEY: platform.key } },
      );
      expect(stdout).toMatch(/\b5 passed\b/);
      expect(stdout).not.toMatch(/skipped|failed/);
    },
    patienceMs,
  );
});
