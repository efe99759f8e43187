import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { DataContainer } from '#contract/row-formats.ts';
import { projectRoot } from '#platform/config.ts';
import { detectContainer } from '../detect-container.ts';
import type { SourceRow } from './container.ts';
import { containers } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tuneloop-containers-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(container: DataContainer, content: string | Buffer): Promise<SourceRow[]> {
  const path = join(folder, 'file');
  writeFileSync(path, content);
  const rows: SourceRow[] = [];
  for await (const row of (await containers[container]())(path)) rows.push(row);
  return rows;
}
const values = async (container: DataContainer, content: string | Buffer) => (await read(container, content)).map(({ value }) => value);

describe('JSONL', () => {
  it('is read with the number of each line; blank ones are none, and what is wrong is told', async () => {
    const rows = await read('jsonl', '\uFEFF{"a":1}\n\n  \r\n{"a":\n[2]\nnull');
    expect(rows.map(({ number, value, problem }) => ({ number, value, problem: problem?.slice(0, 11) }))).toEqual([
      { number: 1, value: { a: 1 }, problem: undefined },
      { number: 4, value: undefined, problem: 'broken JSON' },
      { number: 5, value: [2], problem: undefined },
      { number: 6, value: null, problem: undefined },
    ]);
  });

  it('that is not UTF-8 or has a line beyond all measure is told for that line', async () => {
    expect((await read('jsonl', Buffer.from('{"a":"\xff"}\n{"b":1}', 'latin1')))[0]).toMatchObject({
      number: 1,
      problem: 'not UTF-8 text',
    });
    const [long, next] = await read('jsonl', `{"a":"${'x'.repeat(9 * 2 ** 20)}"}\n{"b":1}`);
    expect(long).toMatchObject({ number: 1, problem: 'longer than 8 MiB' });
    expect(next).toEqual({ number: 2, value: { b: 1 } });
  });
});

describe('JSON', () => {
  it('is read element by element, whatever its elements hold', async () => {
    const rows = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(undefined, 2), async (list, indent) => {
        expect(await values('json', JSON.stringify(list, null, indent))).toEqual(JSON.parse(JSON.stringify(list)));
      }),
      { numRuns: 60 },
    );
  });

  it('across the borders of what is read at once', async () => {
    const list = Array.from({ length: 3000 }, (_, index) => ({ text: `"[{${'x'.repeat(index % 97)}\\`, index }));
    expect(await values('json', JSON.stringify(list))).toEqual(list);
  });

  it('that is an object is read for the rows that it holds', async () => {
    expect(await values('json', '{"version": 1, "data": [{"a": 1}, {"a": 2}]}')).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await values('json', '{\n "instruction": "a",\n "output": "b"\n}')).toEqual([{ instruction: 'a', output: 'b' }]);
  });

  it('that ends too early, or has an element that is none, is told', async () => {
    expect((await read('json', '[{"a": 1}, {"a": ')).map(({ problem }) => problem)).toEqual([
      undefined,
      'the file ends in the middle of its array',
    ]);
    expect((await read('json', '[{"a": 1}, {a: 2}, {"a": 3}]')).map(({ problem }) => problem?.slice(0, 11))).toEqual([
      undefined,
      'broken JSON',
      undefined,
    ]);
    expect(await read('json', ' [ ] ')).toEqual([]);
  });
});

describe('CSV', () => {
  it('is read by the names of its first line, with quotes, line ends and any of the usual signs between', async () => {
    expect(await values('csv', '\uFEFFprompt,completion\r\n"a ""b"", c","line 1\nline 2"\r\nd,\r\n')).toEqual([
      { prompt: 'a "b", c', completion: 'line 1\nline 2' },
      { prompt: 'd' },
    ]);
    expect(await values('csv', 'prompt\tcompletion\na,b\tc')).toEqual([{ prompt: 'a,b', completion: 'c' }]);
    expect(await values('csv', 'prompt;completion\na,b;c')).toEqual([{ prompt: 'a,b', completion: 'c' }]);
  });

  it('with a cell too many is told for that row', async () => {
    expect(await read('csv', 'a,b\n1,2\n1,2,3\n')).toEqual([
      { number: 1, value: { a: '1', b: '2' } },
      { number: 2, problem: '3 cells, where the first line names 2 columns', raw: '1,2,3' },
    ]);
  });

  it('with a quote that never closes is refused with its place', async () => {
    await expect(read('csv', 'a,b\n1,"2\n3,4\n')).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('after row 0'),
    });
  });
});

describe('Parquet', () => {
  it.each(['snappy', 'gzip', 'zstd', 'none'])(
    'as pyarrow writes it, with %s, in groups of rows, is read with lists and objects',
    async (compression) => {
      const path = join(folder, 'rows.parquet');
      const code = `
import pyarrow as pa, pyarrow.parquet as pq
rows = [{"messages": [{"role": "user", "content": f"Grüße {i}"}, {"role": "assistant", "content": "ok"}], "n": i, "score": 0.5, "none": None} for i in range(25)]
pq.write_table(pa.Table.from_pylist(rows), ${JSON.stringify(path)}, compression=${JSON.stringify(compression)}, row_group_size=10)`;
      execFileSync(join(projectRoot, '.venv/bin/python'), ['-c', code]);
      const rows: SourceRow[] = [];
      for await (const row of (await containers.parquet())(path)) rows.push(row);
      expect(rows).toHaveLength(25);
      expect(rows[24]).toMatchObject({
        number: 25,
        value: {
          messages: [
            { role: 'user', content: 'Grüße 24' },
            { role: 'assistant', content: 'ok' },
          ],
          n: 24,
          score: 0.5,
        },
      });
    },
  );

  it('that is cut off, or is none, is refused', async () => {
    await expect(read('parquet', 'PAR1 but no more')).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('the container of a file', () => {
  it.each<[string, string, string | Buffer, DataContainer]>([
    ['objects a line', 'rows.jsonl', '{"a":1}\n{"a":2}', 'jsonl'],
    ['objects a line under another name', 'rows.json', '{"a":1}\n{"a":2}', 'jsonl'],
    ['one object over several lines', 'rows.json', '{\n"a":1}', 'json'],
    ['an array', 'rows.json', '[{"a":1}]', 'json'],
    ['an array over several lines', 'rows.txt', '\uFEFF [\n{"a":1}\n]', 'json'],
    ['a table', 'rows.csv', 'a,b\n1,2', 'csv'],
    ['a table without a name', 'upload', 'a;b\n1;2', 'csv'],
    ['Parquet', 'rows.bin', 'PAR1xxxx', 'parquet'],
  ])('is told for %s', async (_, name, content, container) => {
    const path = join(folder, 'told');
    writeFileSync(path, content);
    expect(await detectContainer(path, name)).toBe(container);
  });

  it('is none of UTF-16 and of what is no text', async () => {
    const path = join(folder, 'told');
    writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{}', 'utf16le')]));
    await expect(detectContainer(path, 'a.jsonl')).rejects.toThrow('a.jsonl is UTF-16: save it as UTF-8');
    writeFileSync(path, Buffer.from([1, 2, 0, 3]));
    await expect(detectContainer(path, 'a.jsonl')).rejects.toThrow('neither text nor Parquet');
  });
});
