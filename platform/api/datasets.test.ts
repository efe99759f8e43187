import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DataCheck,
  DataDetection,
  DataDiff,
  Dataset,
  DatasetList,
  DatasetVersion,
  RowXray,
  type DataStats,
  type TokenStats,
} from '#contract/datasets.ts';
import { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { projectRoot } from '#platform/config.ts';
import { runOnTestTerminal } from '#platform/cli/test-terminal.ts';
import { createKey } from '#platform/storage/keys.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { linkDemoModel } from '../../tests/running-platform.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let server: TestServer;
const folder = mkdtempSync(join(tmpdir(), 'tuneloop-datasets-'));
beforeAll(async () => {
  const { data } = await newTestDatabase('pglite');
  linkDemoModel(data);
  // Runs are accepted here, not trained.
  server = await startTestServer({ DATA: data, PYTHON: '/bin/false' });
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

const ask = async (path: string, options?: Parameters<TestServer['call']>[1]): Promise<unknown> => {
  const response = await server.call(path, options);
  const body: unknown = await response.json();
  if (!response.ok) throw Object.assign(new Error(JSON.stringify(body)), { status: response.status, body });
  return body;
};
const upload = async (content: string, name: string, fields: Record<string, string> = {}) => {
  const form = new FormData();
  form.set('file', new Blob([content]), `${name}.jsonl`);
  form.set('name', name);
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  const response = await fetch(`${server.url}/api/v1/datasets/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
};
const lines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const alpaca = Array.from({ length: 40 }, (_, index) => ({
  instruction: `What is part ${index} for?`,
  output: `Part ${index} holds lamp ${index * 7} in its place.`,
  topic: index % 2 ? 'a' : 'b',
}));

describe('/api/v1/datasets', () => {
  it('takes a file, keeps it as a version, and answers in the shapes of the contract', async () => {
    const { status, body } = await upload(lines(alpaca), 'parts', { description: 'What parts are for.' });
    expect(status).toBe(200);
    expect(DatasetVersion.parse(body)).toMatchObject({ dataset: 'parts', version: 1, rows: 40, kind: 'chat', format: 'instruction' });
    const list = DatasetList.parse(await ask('/api/v1/datasets'));
    expect(list.data.map(({ name }) => name)).toEqual(['parts']);
    expect(Dataset.parse(await ask('/api/v1/datasets/parts'))).toMatchObject({
      description: 'What parts are for.',
      versions: 1,
      latest: { id: body['id'] },
    });
    expect(DatasetVersion.parse(await ask(`/api/v1/datasets/parts/versions/${String(body['id'])}`)).id).toBe(body['id']);
  });

  it('takes an uploaded file too, tells what it is first, and renames columns', async () => {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob(['frage,antwort\nWer?,Ich\nWas?,Nichts\n']), 'faq.csv');
    const file = (await (
      await fetch(`${server.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${server.key}` }, body: form })
    ).json()) as { id: string };
    const detected = DataDetection.parse(await ask('/api/v1/datasets/detect', { method: 'POST', body: { file_id: file.id } }));
    expect(detected).toMatchObject({ format: null, container: 'csv', columns: ['frage', 'antwort'] });
    const columns = { frage: 'prompt', antwort: 'completion' };
    const again = DataDetection.parse(await ask('/api/v1/datasets/detect', { method: 'POST', body: { file_id: file.id, columns } }));
    expect(again).toMatchObject({ format: 'prompt_completion', confidence: 1 });
    expect(again.preview[0]).toEqual({
      messages: [
        { role: 'user', content: 'Wer?' },
        { role: 'assistant', content: 'Ich' },
      ],
    });
    const made = await ask('/api/v1/datasets', { method: 'POST', body: { name: 'faq', file_id: file.id, columns } });
    expect(DatasetVersion.parse(made)).toMatchObject({ rows: 2, parameters: { file_id: file.id, columns } });
  });

  it('pages rows, counts tokens, and shows a row as the loss sees it', async () => {
    const page = (await ask('/api/v1/datasets/parts/versions/1/rows?after=38&limit=5')) as {
      data: { row: number }[];
      has_more: boolean;
      total: number;
    };
    expect({ rows: page.data.map(({ row }) => row), more: page.has_more, total: page.total }).toEqual({
      rows: [39, 40],
      more: false,
      total: 40,
    });
    const stats = (await ask('/api/v1/datasets/parts/versions/1/stats')) as DataStats & { tokens: TokenStats };
    expect(stats.tokens).toMatchObject({ model: 'smollm2-135m-instruct', counted_rows: 40, refused_rows: 0 });
    expect(stats.tokens.histogram.reduce((sum, { rows }) => sum + rows, 0)).toBe(40);
    const xray = RowXray.parse(await ask('/api/v1/datasets/parts/versions/1/rows/3/xray'));
    expect(xray.tokens.map(({ text }) => text).join('')).toBe(xray.text);
    expect(
      xray.tokens
        .filter(({ trained }) => trained)
        .map(({ text }) => text)
        .join(''),
    ).toBe('Part 2 holds lamp 14 in its place.<|im_end|>');
    expect(xray).toMatchObject({ total: xray.tokens.length, problem: null });
    const plain = RowXray.parse(await ask('/api/v1/datasets/parts/versions/1/rows/3/xray?template=instruction&max_tokens=10'));
    expect(plain.text).toBe('### Instruction:\nWhat is part 2 for?\n### Response:\nPart 2 holds lamp 14 in its place.<|im_end|>\n\n');
    expect(plain.problem).toMatch(/tokens long, and the limit is 10$/);
    expect(plain.tokens.filter(({ truncated }) => truncated)).toHaveLength(plain.total - 10);
  });

  it('checks, fixes, tells the difference, and trains on what is left', async () => {
    const faulty = [
      ...alpaca,
      alpaca[0]!,
      { instruction: 'Whom to ask?', output: 'Ask jo.meier@web.de about it.' },
      { instruction: 'Nothing' },
    ];
    await upload(lines(faulty), 'faulty');
    await expect(ask('/api/v1/datasets/faulty/versions/1/check')).rejects.toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_state' } },
    });
    const report = DataCheck.parse(await ask('/api/v1/datasets/faulty/versions/1/check', { method: 'POST', body: {} }));
    expect(report.findings.map(({ kind, rows }) => [kind, rows])).toEqual([
      ['invalid_rows', [43]],
      ['exact_duplicates', [41]],
      ['personal_data', [42]],
    ]);
    expect(DataCheck.parse(await ask('/api/v1/datasets/faulty/versions/1/check'))).toEqual(report);
    const shown = (await ask('/api/v1/datasets/faulty/versions/latest/rows?finding=personal_data')) as { data: { row: number }[] };
    expect(shown.data.map(({ row }) => row)).toEqual([42]);
    const fixed = DatasetVersion.parse(
      await ask('/api/v1/datasets/faulty/versions/1/fix', { method: 'POST', body: { fixes: 'proposed' } }),
    );
    expect(fixed).toMatchObject({ version: 2, rows: 41, operation: 'fix' });
    expect(DataDiff.parse(await ask('/api/v1/datasets/faulty/versions/2/diff?base=1'))).toMatchObject({
      added: 0,
      removed: 2,
      changed: 1,
      unchanged: 40,
    });
    const create = (training_file: string) =>
      ask('/v1/fine_tuning/jobs', {
        method: 'POST',
        body: { model: 'smollm2-135m-instruct', training_file, extensions: { max_steps: 1 } },
      });
    await expect(create('faulty@1')).rejects.toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_training_file', param: 'training_file' } },
    });
    await expect(create('nobody@1')).rejects.toMatchObject({
      status: 404,
      body: { error: { code: 'dataset_not_found', param: 'training_file' } },
    });
    const job = FineTuningJob.parse(await create('faulty@2'));
    expect(job.training_file).toBe(fixed.id);
  });

  it('trains on an uploaded file of another format, and says so', async () => {
    const form = new FormData();
    form.set('purpose', 'fine-tune');
    form.set('file', new Blob([JSON.stringify(alpaca)]), 'parts.json');
    const file = (await (
      await fetch(`${server.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${server.key}` }, body: form })
    ).json()) as { id: string };
    const job = FineTuningJob.parse(
      await ask('/v1/fine_tuning/jobs', {
        method: 'POST',
        body: { model: 'smollm2-135m-instruct', training_file: file.id, extensions: { max_steps: 1, prompt_template: 'instruction' } },
      }),
    );
    const events = (await ask(`/v1/fine_tuning/jobs/${job.id}/events`)) as { data: { message: string }[] };
    expect(events.data.map(({ message }) => message)).toContainEqual(expect.stringContaining('40 rows, converted from instruction,'));
  });

  it('splits, converts, edits and exports', async () => {
    const { data } = (await ask('/api/v1/datasets/parts/versions/1/split', { method: 'POST', body: { seed: 3 } })) as {
      data: DatasetVersion[];
    };
    expect(data.map(({ dataset, rows }) => [dataset, rows])).toEqual([
      ['parts-train', 36],
      ['parts-validation', 4],
    ]);
    const prompts = DatasetVersion.parse(
      await ask('/api/v1/datasets/parts/versions/1/convert', { method: 'POST', body: { to: 'prompt' } }),
    );
    expect(prompts).toMatchObject({ dataset: 'parts-prompt', kind: 'prompt', rows: 40 });
    const edited = DatasetVersion.parse(await ask('/api/v1/datasets/parts/versions/1/rows/2', { method: 'POST', body: { value: null } }));
    expect(edited).toMatchObject({ version: 2, rows: 39 });
    const response = await server.call('/api/v1/datasets/parts/versions/1/export?format=instruction&container=csv');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="parts-v1.csv"');
    expect((await response.text()).split('\n')[0]).toBe('instruction,input,output,topic');
    await expect(ask('/api/v1/datasets/parts/versions/1/export?format=preference')).rejects.toMatchObject({ status: 400 });
  });

  it.each([
    ['a name that is none', '/api/v1/datasets', { name: '../x', file_id: 'file-x' }, 400, 'name'],
    ['a file that is not there', '/api/v1/datasets', { name: 'x', file_id: 'file-x' }, 404, null],
    ['a misspelt field', '/api/v1/datasets', { name: 'x', file_id: 'file-x', formt: 'flan' }, 400, 'formt'],
    ['parts that are more than all', '/api/v1/datasets/parts/versions/1/split', { parts: { a: 0.9, b: 0.9 } }, 400, 'parts'],
    ['a check that there is not', '/api/v1/datasets/parts/versions/1/check', { checks: ['magic'] }, 400, 'checks'],
    ['a model that nobody knows', '/api/v1/datasets/parts/versions/1/check', { model: 'gpt-9' }, 404, 'model'],
    ['a version that is not there', '/api/v1/datasets/parts/versions/77/check', {}, 404, null],
  ])('refuses %s', async (_, path, body, status, param) => {
    await expect(ask(path, { method: 'POST', body })).rejects.toMatchObject({ status, body: { error: { param } } });
  });

  it('refuses what is no table of rows, and leaves no dataset of it', async () => {
    const { status, body } = await upload('{"foo": 1}\n', 'nonsense');
    expect({ status, error: body['error'] }).toMatchObject({ status: 400, error: { code: 'invalid_request', param: 'format' } });
    expect((await server.call('/api/v1/datasets/nonsense')).status).toBe(404);
  });

  it('shows a viewer everything and lets it change nothing', async () => {
    const { secret } = await createKey(server.app.database.db, { projectId: 'proj_default', name: 'looker', role: 'viewer' });
    const headers = { authorization: `Bearer ${secret}` };
    expect((await fetch(`${server.url}/api/v1/datasets/parts`, { headers })).status).toBe(200);
    expect((await fetch(`${server.url}/api/v1/datasets/parts`, { method: 'DELETE', headers })).status).toBe(403);
  });
});

describe('tuneloop data', () => {
  const run = (...words: string[]) =>
    runOnTestTerminal(['data', ...words], { TUNELOOP_URL: server.url, TUNELOOP_KEY: server.key, HOME: folder });

  it('adds, shows, checks, mends, compares, exports and deletes', async () => {
    const file = join(folder, 'my rows.json');
    writeFileSync(file, JSON.stringify([...alpaca, alpaca[3]!, { instruction: 'Whom?', output: 'Ask jo.meier@web.de about all of it.' }]));
    expect((await run('add', file)).stdout).toMatch(/^my-rows@1 {2}42 rows {2}instruction \(chat\)\n/);
    expect((await run('ls')).stdout).toMatch(/my-rows +1 +42 +chat +not checked/);
    const checked = await run('check', 'my-rows');
    expect(checked.stdout).toContain('exact_duplicates  1 row copied from an earlier one\n    rows 41');
    expect(checked.stdout).toContain('fix  personal_data=mask');
    expect((await run('check', 'my-rows', '--fix')).stdout).toMatch(/^my-rows@2 {2}41 rows, 1 fewer than version 1\n/);
    expect((await run('diff', 'my-rows@1', 'my-rows@2')).stdout).toMatch(/^0 added, 1 removed, 1 changed, 40 the same\n/);
    expect((await run('head', 'my-rows@2', '--from', '41')).stdout).toBe(
      '#41\n  user      Whom?\n  assistant Ask [EMAIL] about all of it.\n',
    );
    expect((await run('stats', 'my-rows')).stdout).toMatch(/tokens {6}[\d,]+, [\d,]+ \(\d+ %\) learnt, by smollm2-135m-instruct/);
    expect((await run('xray', 'my-rows', '1')).stdout).toContain('⟦Part 0 holds lamp 0 in its place.<|im_end|>⟧');
    expect((await run('split', 'my-rows', '--parts', 'train=0.8,test=0.2', '--stratify-by', 'topic')).stdout).toMatch(
      /^my-rows-train@1 +\d+ rows\nmy-rows-test@1 +\d+ rows\n$/,
    );
    const out = join(folder, 'out.csv');
    expect((await run('export', 'my-rows@1', '--format', 'instruction', '-o', out)).exitCode).toBe(0);
    expect(readFileSync(out, 'utf8').split('\n')).toHaveLength(44);
    expect((await run('show', 'my-rows@2', '--json', 'operation,rows')).stdout).toBe('{"operation":"fix","rows":41}\n');
    expect((await run('rm', 'my-rows')).exitCode).toBe(2);
    expect((await run('rm', 'my-rows', '--yes')).stdout).toBe('the dataset my-rows is deleted\n');
    expect(await run('show', 'my-rows')).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('fix  tuneloop data ls') });
  });

  it('adds the example sets of the clone', async () => {
    expect((await run('add', join(projectRoot, 'examples/data/lumen-support.jsonl'), '--json', 'rows,invalid_rows,format')).stdout).toMatch(
      /^\{"rows":\d+,"invalid_rows":0,"format":"messages"\}\n$/,
    );
  });
});
