import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChatRow } from '#contract/dataset.ts';
import { rowTokenCounter } from './row-tokens.ts';

interface Case {
  name: string;
  files: Record<string, unknown>;
  rows: unknown[];
  /** As the worker counts them (worker/row_token_cases_test.py); null for a row that is refused. */
  counts: ({ total: number; trained: number } | null)[];
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'row-token-cases.json'), 'utf8')) as Case[];
const folder = mkdtempSync(join(tmpdir(), 'tuneloop-tokens-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the tokens of a row', () => {
  it.each(cases)('are counted as the worker counts them, by the template $name', async ({ files, rows, counts }) => {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
    const count = await rowTokenCounter(folder);
    const found = rows.map((row) => {
      try {
        const tokens = count(ChatRow.parse(row));
        // The worker refuses a row of which nothing is learnt; here checkRows does.
        return tokens.trained === 0 ? null : tokens;
      } catch {
        return null;
      }
    });
    expect(found).toEqual(counts);
  });

  it('are not counted by a model that has no chat template', async () => {
    rmSync(join(folder, 'chat_template.jinja'), { force: true });
    await expect(rowTokenCounter(folder)).rejects.toMatchObject({ code: 'model_refused' });
  });
});
