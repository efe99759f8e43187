/** OpenAI's preferences: `input`, `preferred_output`, `non_preferred_output`. */
import { PreferenceOpenAiRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { parseJson, toolList } from './turns.ts';

const names = ['input', 'preferred_output', 'non_preferred_output'];

export const preferenceOpenAi: RowFormat = {
  kind: 'preference',
  looksLike: (row) =>
    has(row, 'preferred_output', 'non_preferred_output') ? 'it has "preferred_output" and "non_preferred_output"' : null,
  read(row) {
    const fields = names.map((name) => [name, typeof row[name] === 'string' ? parseJson(row[name]) : row[name]]);
    const { input, preferred_output, non_preferred_output } = parseRow(PreferenceOpenAiRow, Object.fromEntries(fields));
    const tools = toolList(input.tools);
    return [
      {
        kind: 'preference',
        prompt: input.messages,
        tools,
        preferred: preferred_output,
        rejected: non_preferred_output,
        more: columnsOf(row, names),
      },
    ];
  },
  write(row) {
    if (row.kind !== 'preference') throw new RowRefused('not a preference');
    return {
      input: { messages: row.prompt, ...(row.tools && { tools: row.tools }) },
      preferred_output: row.preferred,
      non_preferred_output: row.rejected,
      ...row.more,
    };
  },
};
