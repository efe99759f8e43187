/** A question with its answer under `prompt` and `completion`, or under the other pairs of names in use. */
import { PromptCompletionRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import { lastAnswer } from '../row-text.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { answerTurns, oneText, promptTurns, toolList } from './turns.ts';

const pairs = [
  ['prompt', 'completion'],
  ['prompt', 'response'],
  ['question', 'answer'],
  ['input', 'output'],
  ['query', 'response'],
  ['problem', 'solution'],
] as const;
const pairOf = (row: Record<string, unknown>) => pairs.find((names) => has(row, ...names));

export const promptCompletion: RowFormat = {
  kind: 'chat',
  looksLike: (row) => {
    const pair = pairOf(row);
    return pair && !has(row, 'label') && !has(row, 'instruction') ? `it has "${pair[0]}" and "${pair[1]}"` : null;
  },
  read(row) {
    const [asked, said] = pairOf(row) ?? pairs[0];
    const { prompt, completion } = parseRow(PromptCompletionRow, { prompt: row[asked], completion: row[said] });
    const messages = [...promptTurns(prompt), ...answerTurns(completion)];
    return [{ kind: 'chat', messages, tools: toolList(row['tools']), more: columnsOf(row, [asked, said, 'tools']) }];
  },
  write(row) {
    if (row.kind !== 'chat') throw new RowRefused('not a chat');
    const { before, answer } = lastAnswer(row.messages);
    if (!answer || row.messages.at(-1) !== answer) throw new RowRefused('the chat does not end with an answer');
    const [prompt, completion] = [row.tools ? null : oneText(before, 'user'), oneText([answer], 'assistant')];
    const fields = prompt !== null && completion !== null ? { prompt, completion } : { prompt: before, completion: [answer] };
    return { ...fields, ...(row.tools && { tools: row.tools }), ...row.more };
  },
};
