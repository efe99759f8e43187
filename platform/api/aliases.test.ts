import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Alias, AliasList } from '#contract/alias.ts';
import type { ChatCompletion } from '#contract/openai/chat-answers.ts';
import type { ModelList } from '#contract/openai/models.ts';
import type { ArtifactManifest } from '#contract/worker.ts';
import { registerVersion } from '#platform/models/versions.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { script, startTestServer, type TestServer, until } from './test-server.ts';

const project = 'proj_default';
let test: TestServer;
let left: string;
let right: string;
beforeAll(async () => {
  test = await startTestServer();
  left = await makeVersion('left');
  right = await makeVersion('right');
});
afterAll(() => test.close());

/** A version of the scripted model with files and rows as a run leaves them. */
async function makeVersion(name: string): Promise<string> {
  const { db } = test.app.database;
  const run = { id: `ftjob-${name}`, project_id: project, state: 'succeeded' as const, base_model: 'scripted', training_file: 'file-x' };
  const nothing = { validation_file: null, suffix: null, idempotency_key: null, request_sha256: null };
  await db
    .insertInto('runs')
    .values({ ...run, ...nothing, seed: 1, metadata: '{}', config: '{}' })
    .execute();
  const path = `runs/${run.id}/adapter`;
  const folder = join(test.app.config.data, path);
  mkdirSync(folder, { recursive: true });
  const adapter = `adapter of ${name}`;
  const file = { path: 'adapter.gguf', size: adapter.length, sha256: sha256(adapter) };
  const of = { kind: 'adapter', run_id: run.id, attempt: 1, step: 1, base_model: 'scripted', base_sha256: '', config_sha256: 'c' } as const;
  const manifest = JSON.stringify({ version: 1, ...of, files: [file] } satisfies ArtifactManifest);
  writeFileSync(join(folder, 'adapter.gguf'), adapter);
  writeFileSync(join(folder, 'manifest.json'), manifest);
  const id = `ft:scripted:default::${name}`;
  const hashes = { manifest_sha256: sha256(manifest), adapter_sha256: file.sha256 };
  const about = { project_id: project, base_model: 'scripted', run_id: run.id, step: 1, is_final: true };
  await registerVersion(test.app.versions, { id, ...about, path, ...hashes });
  return id;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const put = (name: string, model: string, reason?: string) =>
  test.call(`/api/v1/aliases/${name}`, { method: 'PUT', body: { model, ...(reason !== undefined && { reason }) } });
const rollback = (name: string) => test.call(`/api/v1/aliases/${name}/rollback`, { method: 'POST' });
const aliasOf = async (response: Response): Promise<Alias> => {
  expect(response.status).toBe(200);
  return Alias.parse(await response.json());
};
const problemOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return { status: response.status, ...error };
};
const ask = (model: string, fields: object, more: object = {}) =>
  test.call('/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: script({ say_version: true, ...fields }) }], ...more },
  });
const said = async (response: Response): Promise<string> => ((await response.json()) as ChatCompletion).choices[0]!.message.content!;

describe('an alias', () => {
  it('answers as the version that it stands for, which the answer names', async () => {
    await aliasOf(await put('one', left));
    const answer = await ask('one', {});
    expect(answer.headers.get('x-tuneloop-version')).toBe(`${left}@sha256:${sha256('adapter of left')}`);
    const body = (await answer.json()) as ChatCompletion;
    expect(body).toMatchObject({ model: 'one', choices: [{ message: { content: left } }] });
    const tokens = await test.call('/tokenize', { body: { model: 'one', prompt: 'some words' } });
    expect(tokens.status).toBe(200);
  });

  it('is a model that can be listed and looked at', async () => {
    await put('listed', right);
    const { data } = (await (await test.call('/v1/models')).json()) as ModelList;
    expect(data.find(({ id }) => id === 'listed')).toMatchObject({ x_kind: 'alias', x_alias_of: right, x_base_model: 'scripted' });
    expect(await (await test.call('/v1/models/listed')).json()).toMatchObject({ id: 'listed', x_kind: 'alias' });
    const list = AliasList.parse(await (await test.call('/api/v1/aliases')).json());
    expect(list.data.map(({ name }) => name)).toContain('listed');
  });

  it('goes back as undo does, and keeps every change', async () => {
    await put('undone', 'scripted');
    await put('undone', left, 'knows more');
    await put('undone', right);
    expect(await aliasOf(await rollback('undone'))).toMatchObject({ model: left, revision: 4 });
    expect(await said(await ask('undone', {}))).toBe(left);
    expect(await aliasOf(await rollback('undone'))).toMatchObject({ model: 'scripted', revision: 5 });
    expect(await problemOf(await rollback('undone'))).toMatchObject({ status: 400, code: 'invalid_state' });
    await put('undone', right);
    const { history, model } = await aliasOf(await rollback('undone'));
    expect(model).toBe('scripted');
    expect(history.map(({ revision, action, restores }) => [revision, action, restores])).toEqual([
      [7, 'rollback', 1],
      [6, 'set', null],
      [5, 'rollback', 1],
      [4, 'rollback', 2],
      [3, 'set', null],
      [2, 'set', null],
      [1, 'set', null],
    ]);
    expect(history[5]).toMatchObject({ model: left, previous_model: 'scripted', reason: 'knows more' });
  });

  it('that is pointed where it points already has not changed', async () => {
    await put('same', left);
    expect(await aliasOf(await put('same', left))).toMatchObject({ revision: 1 });
  });

  it('keeps what it stands for from being deleted, and says which alias does', async () => {
    const kept = await makeVersion('kept');
    await put('keeper', kept);
    const path = `/v1/models/${encodeURIComponent(kept)}`;
    const refused = await problemOf(await test.call(path, { method: 'DELETE' }));
    expect(refused).toMatchObject({ status: 400, code: 'invalid_state' });
    expect(refused.message).toContain('"keeper"');
    await put('keeper', left);
    expect((await test.call(path, { method: 'DELETE' })).status).toBe(200);
    expect(await problemOf(await rollback('keeper'))).toMatchObject({ code: 'model_not_found' });
    expect(await said(await ask('keeper', {}))).toBe(left);
  });

  it('is unknown once it is deleted, and goes on counting when it is made again', async () => {
    await put('gone', left);
    expect(await said(await ask('gone', {}))).toBe(left);
    expect(await (await test.call('/api/v1/aliases/gone', { method: 'DELETE' })).json()).toMatchObject({ name: 'gone', deleted: true });
    expect(await problemOf(await ask('gone', {}))).toMatchObject({ status: 404, code: 'model_not_found' });
    for (const method of ['GET', 'DELETE']) {
      expect(await problemOf(await test.call('/api/v1/aliases/gone', { method }))).toMatchObject({ status: 404, code: 'alias_not_found' });
    }
    expect(await aliasOf(await put('gone', right))).toMatchObject({ revision: 3 });
    expect(await problemOf(await rollback('gone'))).toMatchObject({ code: 'invalid_state' });
  });

  it('is refused a name or a model that it cannot have', async () => {
    expect(await problemOf(await put('scripted', left))).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await problemOf(await put('a%3Ab', left))).toMatchObject({ status: 400 });
    expect(await problemOf(await put('new', 'ft:scripted:default::none'))).toMatchObject({ status: 404, code: 'model_not_found' });
    await put('first', left);
    expect(await problemOf(await put('second', 'first'))).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await problemOf(await test.call('/api/v1/aliases/new'))).toMatchObject({ status: 404, code: 'alias_not_found' });
    expect((await problemOf(await ask('frst', {}))).message).toContain('"first"');
  });

  it('changes one after the other when many change it at once', async () => {
    const models = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? left : right));
    const answers = await Promise.all(models.map((model) => put('busy', model)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const { history, revision } = await aliasOf(await test.call('/api/v1/aliases/busy'));
    expect(history.map((change) => change.revision)).toEqual(Array.from({ length: revision }, (_, index) => revision - index));
  });
});

describe('an alias under load', { timeout: 60_000 }, () => {
  it('is re-pointed 200 times: no request fails, none is mixed, each answer is of the version it names', async () => {
    await put('swapped', left);
    const answers: Promise<{ status: number; header: string; words: string[] }>[] = [];
    const request = async (count: number) => {
      const isStreamed = count % 2 === 0;
      const response = await ask('swapped', { repeat: 20, delay_ms: 3 }, { stream: isStreamed });
      const text = isStreamed ? streamedText(await response.text()) : await said(response);
      return { status: response.status, header: response.headers.get('x-tuneloop-version')!, words: text.split(' ') };
    };
    let isOver = false;
    const asking = (async () => {
      for (let count = 0; !isOver; count++) {
        answers.push(request(count));
        await wait(50);
      }
    })();
    for (let count = 1; count <= 200; count++) {
      await aliasOf(await put('swapped', count % 2 === 0 ? left : right));
      await wait(20);
    }
    isOver = true;
    await asking;
    const found = await Promise.all(answers);
    expect(found.length).toBeGreaterThan(60);
    for (const { status, header, words } of found) {
      expect(status).toBe(200);
      expect(words).toEqual(Array.from({ length: 20 }, () => header.split('@')[0]));
    }
    expect(new Set(found.map(({ header }) => header)).size).toBe(2);
  });

  it('lets a long answer end on the version that it began on', async () => {
    await put('long', left);
    const began = await ask('long', { repeat: 200, delay_ms: 5 }, { stream: true });
    await until(async () => (await test.app.engines.main.status()).active > 0, 'the answer begins');
    await put('long', right);
    expect(await said(await ask('long', {}))).toBe(right);
    const words = streamedText(await began.text()).split(' ');
    expect(words).toEqual(Array.from({ length: 200 }, () => left));
    expect(began.headers.get('x-tuneloop-version')).toContain(left);
  });

  it('answers from the version before within a second of the rollback', async () => {
    await put('back', left);
    await put('back', right);
    expect(await said(await ask('back', {}))).toBe(right);
    const startedAt = performance.now();
    await rollback('back');
    expect(await said(await ask('back', {}))).toBe(left);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

/** The text of a stream that was read to its honest end. */
function streamedText(body: string): string {
  const events = body.split('\n\n').filter((event) => event !== '');
  expect(events.at(-1)).toBe('data: [DONE]');
  const chunks = events
    .slice(0, -1)
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as { choices: { delta: { content?: string } }[] });
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}
