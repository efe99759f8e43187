import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import { objectStores } from '#platform/storage/object-stores/index.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { convertVersion } from './convert-version.ts';
import {
  deleteDataset,
  ensureDataset,
  findVersion,
  getDataset,
  getDatasetVersion,
  isVersionReference,
  listDatasets,
  listVersions,
} from './datasets.ts';
import { diffVersions } from './diff-versions.ts';
import { editRow } from './edit-row.ts';
import { exportRows } from './export-rows.ts';
import { createFile, deleteFile, type Files } from './files.ts';
import { importFile, importPath } from './import-dataset.ts';
import { pickRows, readVersion, rowPage } from './read-version.ts';
import { splitVersion } from './split-version.ts';
import { findTrainingData, prepareTrainingData, trainingDataPath } from './training-data.ts';

const project = 'proj_default';

describeDatabases('datasets', (database) => {
  let files: Files;
  beforeAll(async () => {
    const { db } = database.current;
    files = {
      db,
      objects: await openDriver(objectStores, { driver: 'disk', folder: join(database.settings.data, 'objects') }),
      maxUploadBytes: 1e9,
    };
    await db.insertInto('projects').values({ id: 'proj_other', name: 'other' }).execute();
  });
  const upload = (content: string, filename = 'rows.jsonl') =>
    createFile(files, project, { filename, purpose: 'fine-tune', body: Readable.from([Buffer.from(content)]) });
  const add = async (name: string, rows: object[]) => {
    const path = join(database.settings.data, `${name}.jsonl`);
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return importPath(files, project, path, { filename: `${name}.jsonl` }, { name });
  };
  const alpaca = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      instruction: `Question ${index}?`,
      input: '',
      output: `Answer ${index}.`,
      topic: index % 4 === 0 ? 'rare' : 'common',
    }));
  const exported = async (version: Parameters<typeof exportRows>[1], options: Partial<Parameters<typeof exportRows>[2]> = {}) =>
    (await buffer(Readable.from(exportRows(files, version, { container: 'jsonl', skip: false, ...options })))).toString('utf8');

  it('keep the rows of a file as canonical JSONL whose hash is their address', async () => {
    const file = await upload('{"instruction":"Add.","input":"1+1","output":"2","id":7}\n\n{"instruction":"No output."}\n');
    const version = await importFile(files, project, file.id, { name: 'sums' });
    expect(version).toMatchObject({
      version: 1,
      kind: 'chat',
      format: 'instruction',
      rows: 2,
      invalid_rows: 1,
      operation: 'import',
      parent_id: null,
    });
    expect(version.parameters).toMatchObject({ file_id: file.id, filename: 'rows.jsonl', container: 'jsonl' });
    const stored = readFileSync(files.objects.path(version.object_key)!);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(version.sha256);
    expect(stored.toString('utf8').split('\n')[0]).toBe(
      '{"messages":[{"role":"user","content":"Add.\\n\\n1+1","input":"1+1"},{"role":"assistant","content":"2"}],"id":7}',
    );
    const [, bad] = await rowPage(files, version, 0, 10);
    expect(bad!.row).toMatchObject({
      kind: 'invalid',
      reason: 'output: is missing (expected string)',
      raw: '{"instruction":"No output."}',
    });
    expect(version.stats).toMatchObject({ rows: 2, invalid_rows: 1, turns: [{ turns: 1, rows: 1 }], columns: [{ name: 'id', rows: 1 }] });
  });

  it('have the same version for the same rows, whatever order their keys came in, and another for others', async () => {
    const one = await add('same', [{ instruction: 'a', output: 'b', x: 1, y: 2 }]);
    const two = await add('same', [{ y: 2, x: 1, output: 'b', instruction: 'a' }]);
    expect(two.id).toBe(one.id);
    const three = await add('same', [{ instruction: 'a', output: 'c' }]);
    expect(three).toMatchObject({ version: 2 });
    expect((await listVersions(files, one.dataset_id)).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('number their versions without gap or double when several are made at once', async () => {
    await ensureDataset(files, project, 'crowd');
    await Promise.all(
      Array.from({ length: 6 }, (_, index) => add(`crowd-${index}`, [{ text: `row ${index}` }]).then(() => importRow(index))),
    );
    const { id } = await getDataset(files, project, 'crowd');
    expect((await listVersions(files, id)).map(({ version }) => version)).toEqual([6, 5, 4, 3, 2, 1]);
    async function importRow(index: number) {
      const path = join(database.settings.data, `crowd-${index}.jsonl`);
      return importPath(files, project, path, { filename: 'x' }, { name: 'crowd' });
    }
  });

  it('are found by name, number, id and "latest", and by no other project', async () => {
    const version = await add('named', alpaca(3));
    expect((await findVersion(files, project, 'named')).id).toBe(version.id);
    expect((await findVersion(files, project, 'named@1')).id).toBe(version.id);
    expect((await findVersion(files, project, version.id)).id).toBe(version.id);
    expect((await getDatasetVersion(files, project, version.dataset_id, 'latest')).id).toBe(version.id);
    for (const wrong of ['named@9', 'nobody', 'dsv-nothing'])
      await expect(findVersion(files, project, wrong)).rejects.toMatchObject({ code: 'dataset_not_found' });
    await expect(findVersion(files, 'proj_other', version.id)).rejects.toMatchObject({ code: 'dataset_not_found' });
    await expect(findVersion(files, 'proj_other', 'named')).rejects.toMatchObject({ code: 'dataset_not_found' });
    expect((await listDatasets(files, 'proj_other', { limit: 10, order: 'desc' })).data).toEqual([]);
    expect(['dsv-a1', 'a@3', 'a.b@latest', 'file-x', 'a', 'a@b'].map(isVersionReference)).toEqual([true, true, true, false, false, false]);
  });

  it('give a page from anywhere without reading what stands before', async () => {
    const version = await add('long', alpaca(2500));
    expect(version.row_offsets).toHaveLength(3);
    const page = await rowPage(files, version, 2100, 3);
    expect(page.map(({ number, row }) => [number, row.kind === 'chat' && row.messages[0]!.content])).toEqual([
      [2101, 'Question 2100?'],
      [2102, 'Question 2101?'],
      [2103, 'Question 2102?'],
    ]);
    expect((await pickRows(files, version, [2500, 1, 1001])).map(({ number }) => number)).toEqual([1, 1001, 2500]);
    expect(await rowPage(files, version, 2500, 5)).toEqual([]);
  });

  it('leave nothing behind of an import without rows', async () => {
    await expect(add('empty', [])).rejects.toMatchObject({ code: 'invalid_request', message: 'empty.jsonl: there are no rows' });
    await expect(getDataset(files, project, 'empty')).rejects.toMatchObject({ code: 'dataset_not_found' });
  });

  it('are split by the same seed in the same way, each value by the same shares, and rows that ask the same stay together', async () => {
    const rows = [...alpaca(200), ...alpaca(20).map((row) => ({ ...row, output: 'Another answer.' }))];
    const version = await add('splitting', rows);
    const request = { parts: { train: 0.8, test: 0.2 }, seed: 7, stratify_by: 'topic' };
    const [train, test] = await splitVersion(files, version, request);
    const again = await splitVersion(files, version, request);
    expect(again.map(({ id }) => id)).toEqual([train!.id, test!.id]);
    expect(train!.rows + test!.rows).toBe(220);
    const topic = (part: typeof train, value: string) =>
      part!.stats.columns.find(({ name }) => name === 'topic')!.values!.find((each) => each.value === value)!.rows;
    expect(topic(test, 'rare') / (topic(test, 'rare') + topic(train, 'rare'))).toBeCloseTo(0.2, 1);
    const questions = async (part: typeof train) => {
      const asked = new Set<unknown>();
      for await (const { row } of readVersion(files, part!)) if (row.kind === 'chat') asked.add(row.messages[0]!.content);
      return asked;
    };
    const inTest = await questions(test);
    expect([...(await questions(train))].filter((question) => inTest.has(question))).toEqual([]);
    // Every answer is one of its own: values so rare are drawn from together.
    const byAnswer = await splitVersion(files, version, { ...request, stratify_by: 'answer' });
    expect(byAnswer[1]!.rows).toBeGreaterThan(20);
    const asked = await questions(byAnswer[1]);
    expect([...(await questions(byAnswer[0]))].filter((question) => asked.has(question))).toEqual([]);
    const other = await splitVersion(files, version, { ...request, seed: 8 });
    expect(other[0]!.sha256).not.toBe(train!.sha256);
    await expect(splitVersion(files, version, { ...request, stratify_by: 'nothing' })).rejects.toMatchObject({ param: 'stratify_by' });
    await expect(splitVersion(files, await add('tiny', alpaca(1)), { parts: { a: 0.5, b: 0.5 }, seed: 0 })).rejects.toMatchObject({
      param: 'parts',
    });
  });

  it('tell what two versions differ in', async () => {
    const before = await add('diff-a', alpaca(50));
    const rows = alpaca(51).filter((_, index) => index !== 3);
    rows[10]!.output = 'Changed.';
    const after = await add('diff-b', rows);
    const diff = await diffVersions(files, before, after, 10);
    expect(diff).toMatchObject({ added: 1, removed: 1, changed: 1, unchanged: 48 });
    expect(diff.rows.map(({ change, base_row, row }) => [change, base_row, row])).toEqual([
      ['removed', 4, null],
      ['changed', 12, 11],
      ['added', null, 50],
    ]);
    expect(await diffVersions(files, before, before, 10)).toMatchObject({ added: 0, removed: 0, changed: 0, unchanged: 50, rows: [] });
  });

  it('are edited row by row, each time as a version of its own', async () => {
    const version = await add('edited', alpaca(3));
    const changed = await editRow(files, version, 2, {
      messages: [
        { role: 'user', content: 'Q' },
        { role: 'assistant', content: 'A' },
      ],
    });
    expect(changed).toMatchObject({
      version: 2,
      rows: 3,
      operation: 'edit',
      parent_id: version.id,
      parameters: { row: 2, change: 'replaced' },
    });
    expect(await diffVersions(files, version, changed, 5)).toMatchObject({ unchanged: 2 });
    expect(await editRow(files, changed, 2, null)).toMatchObject({ version: 3, rows: 2 });
    await expect(editRow(files, version, 1, { text: 'plain' })).rejects.toMatchObject({
      param: 'value',
      message: expect.stringContaining('of the kind text'),
    });
    await expect(editRow(files, version, 9, null)).rejects.toMatchObject({ param: 'row' });
  });

  it('become other kinds where the meaning allows, and say why where it does not', async () => {
    const version = await add('pairs', [
      { prompt: 'q', chosen: 'good', rejected: 'bad' },
      { prompt: 'p', chosen: 'fine', rejected: 'poor' },
    ]);
    const chats = await convertVersion(files, version, { to: 'chat' });
    expect(chats).toMatchObject({ kind: 'chat', format: 'messages', rows: 2, operation: 'convert', parent_id: version.id });
    expect((await getDataset(files, project, 'pairs-chat')).id).toBe(chats.dataset_id);
    expect(await convertVersion(files, version, { to: 'unpaired', name: 'labelled' })).toMatchObject({ kind: 'unpaired', rows: 4 });
    await expect(convertVersion(files, chats, { to: 'preference' })).rejects.toMatchObject({ code: 'invalid_request', param: 'to' });
    await expect(convertVersion(files, chats, { to: 'messages' })).rejects.toThrow('export them');
  });

  it.each(['jsonl', 'json', 'csv', 'parquet'] as const)('go out as %s and come in again the same', async (container) => {
    const version = await add(`out-${container}`, [
      { instruction: 'Say "hi", please', input: 'line 1\nline 2', output: 'hi — ü' },
      { instruction: 'b', output: 'c', topic: 'x' },
    ]);
    const path = join(database.settings.data, `out.${container}`);
    writeFileSync(path, await buffer(Readable.from(exportRows(files, version, { container, format: 'instruction', skip: false }))));
    const again = await importPath(files, project, path, { filename: `out.${container}` }, { name: `out-${container}` });
    expect(again.id).toBe(version.id);
  });

  it('go out in another format, and say which row has no place in it', async () => {
    const version = await add('two-turns', [
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
          { role: 'user', content: 'c' },
          { role: 'assistant', content: 'd' },
        ],
      },
    ]);
    expect(await exported(version, { format: 'sharegpt' })).toContain(
      '{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}',
    );
    await expect(exported(version, { format: 'flan' })).rejects.toThrow(/^row 2 cannot be written as flan: /);
    expect(await exported(version, { format: 'flan', skip: true })).toBe('{"inputs":"a","targets":"b"}\n');
  });

  it('are gone with their rows when they are deleted', async () => {
    const version = await add('gone', alpaca(2));
    await deleteDataset(files, project, 'gone');
    await expect(findVersion(files, project, version.id)).rejects.toMatchObject({ code: 'dataset_not_found' });
    expect(await files.objects.exists(version.object_key)).toBe(false);
  });

  describe('what a run trains on', () => {
    it('is a chat file as it came, and any other format written anew with the same line numbers', async () => {
      const chats = await upload('{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n');
      expect(await prepareTrainingData(files, project, chats.id)).toMatchObject({ id: chats.id, isConverted: false });
      const other = await upload('{"instruction":"a","output":"b"}\n\n{"instruction":"c"}\n');
      const data = await prepareTrainingData(files, project, other.id);
      expect(data).toMatchObject({ id: other.id, format: 'instruction', isConverted: true });
      const lines = (await text(await data.open())).split('\n');
      expect(lines[0]).toContain('"messages"');
      expect(lines[1]).toBe('');
      expect(JSON.parse(lines[2]!)).toMatchObject({ invalid: { reason: 'output: is missing (expected string)' } });
      expect(readFileSync(await trainingDataPath(files, project, other.id), 'utf8')).toBe(lines.join('\n'));
      await deleteFile(files, project, other.id);
      expect(await files.objects.exists(`converted/${other.id}`)).toBe(false);
    });

    it('is a version of a dataset, by any of its names', async () => {
      const version = await add('trained', alpaca(2));
      const data = await prepareTrainingData(files, project, 'trained@1');
      expect(data).toMatchObject({ id: version.id, isConverted: false });
      expect(await trainingDataPath(files, project, data.id)).toBe(files.objects.path(version.object_key));
      expect(await findTrainingData(files, project, version.sha256, 'file-gone')).toBe(version.id);
      const other = await upload('{"instruction":"a","output":"b"}\n');
      await prepareTrainingData(files, project, other.id);
      const converted = createHash('sha256')
        .update(readFileSync(await trainingDataPath(files, project, other.id)))
        .digest('hex');
      expect(await findTrainingData(files, project, converted, other.id)).toBe(other.id);
      expect(await findTrainingData(files, project, converted, version.id)).toBeNull();
    });

    it('is not what teaches otherwise, and says how to make chats of it', async () => {
      const pairs = await add('not-chats', [{ prompt: 'q', chosen: 'a', rejected: 'b' }]);
      await expect(prepareTrainingData(files, project, pairs.id)).rejects.toMatchObject({
        code: 'invalid_training_file',
        message: expect.stringContaining('--to chat'),
      });
      const file = await upload('{"prompt":"q","chosen":"a","rejected":"b"}\n');
      await expect(prepareTrainingData(files, project, file.id)).rejects.toMatchObject({ code: 'invalid_training_file' });
      const wrong = await createFile(files, project, { filename: 'a.jsonl', purpose: 'batch', body: Readable.from([Buffer.from('{}')]) });
      await expect(prepareTrainingData(files, project, wrong.id)).rejects.toThrow('purpose "batch"');
    });
  });
});
