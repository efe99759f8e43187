import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChatRow, TextRow } from '#contract/dataset.ts';
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { openRowTokenizer, rowTokenCounter } from './row-tokens.ts';

interface Case {
  name: string;
  files: Record<string, unknown>;
  rows: Record<string, unknown>[];
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
    const count = rowTokenCounter(await openRowTokenizer(folder));
    const found = rows.map((row) => {
      try {
        const tokens = count('messages' in row ? ChatRow.parse(row) : TextRow.parse(row));
        // The worker refuses a row of which nothing is learnt; here checkRows does.
        return tokens.trained === 0 ? null : tokens;
      } catch {
        return null;
      }
    });
    expect(found).toEqual(counts);
  });

  it('are counted by the very template that chats of instructions are trained with', () => {
    expect(cases.find(({ name }) => name === 'instruction')!.files['chat_template.jinja']).toBe(instructionTemplate);
  });

  it('of a model that has no chat template are those of an instruction and its response', async () => {
    rmSync(join(folder, 'chat_template.jinja'), { force: true });
    const { tokenize } = await openRowTokenizer(folder);
    const turns = [
      { role: 'user' as const, content: 'Hi' },
      { role: 'assistant' as const, content: 'Hello' },
    ];
    expect(tokenize({ messages: turns }).text).toMatch(/^### Instruction:\nHi\n### Response:\nHello/);
  });
});
