/** Questions alone: what a model is to answer by itself, to be scored then. */
import { PromptsRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { oneText, promptTurns, toolList } from './turns.ts';

const others = ['completion', 'response', 'chosen', 'messages', 'label', 'answer'];

export const prompts: RowFormat = {
  kind: 'prompt',
  looksLike: (row) =>
    has(row, 'prompt') && (typeof row['prompt'] === 'string' || Array.isArray(row['prompt'])) && !others.some((name) => has(row, name))
      ? 'it has "prompt" and no answer'
      : null,
  read(row) {
    const { prompt } = parseRow(PromptsRow, row);
    return [{ kind: 'prompt', prompt: promptTurns(prompt), tools: toolList(row['tools']), more: columnsOf(row, ['prompt', 'tools']) }];
  },
  write(row) {
    if (row.kind !== 'prompt') throw new RowRefused('not a prompt alone');
    const text = row.tools ? null : oneText(row.prompt, 'user');
    return { prompt: text ?? row.prompt, ...(row.tools && { tools: row.tools }), ...row.more };
  },
};
