/** Unpaired preferences, as KTO takes them: one answer, and whether it is a good one. */
import type { ChatTurn } from '#contract/dataset.ts';
import { UnpairedRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import { lastAnswer } from '../row-text.ts';
import type { RowFormat } from './format.ts';
import { askedTurn } from './instruction.ts';
import { messages } from './messages.ts';
import { firstOf, has, parseRow } from './parse-row.ts';
import { readConversation } from './sharegpt-turns.ts';
import { answerTurns, oneText, promptTurns, toolList } from './turns.ts';
import { wordOf } from './word-of.ts';

const labels = ['label', 'kto_tag'];
const read = [
  'prompt',
  'completion',
  'messages',
  'conversations',
  'instruction',
  'input',
  'output',
  'response',
  'system',
  'tools',
  ...labels,
];

export const unpaired: RowFormat = {
  kind: 'unpaired',
  looksLike: (row) => {
    const label = labels.find((name) => has(row, name));
    const isAnswer =
      has(row, 'prompt', 'completion') || has(row, 'messages') || has(row, 'conversations') || has(row, 'instruction', 'output');
    return label && isAnswer ? `it has an answer and "${label}"` : null;
  },
  read(row) {
    const { prompt, completion } = questionAndAnswer(row);
    const parsed = parseRow(UnpairedRow, { prompt, completion, label: labelOf(firstOf(row, labels)) });
    return [
      {
        kind: 'unpaired',
        prompt: promptTurns(parsed.prompt),
        completion: answerTurns(parsed.completion),
        label: parsed.label,
        tools: toolList(row['tools']),
        more: columnsOf(row, read),
      },
    ];
  },
  write(row) {
    if (row.kind !== 'unpaired') throw new RowRefused('not an answer with a label');
    const [prompt, completion] = [row.tools ? null : oneText(row.prompt, 'user'), oneText(row.completion, 'assistant')];
    const fields = prompt !== null && completion !== null ? { prompt, completion } : { prompt: row.prompt, completion: row.completion };
    return { ...fields, label: row.label, ...(row.tools && { tools: row.tools }), ...row.more };
  },
};

function questionAndAnswer(row: Record<string, unknown>): { prompt: unknown; completion: unknown } {
  if (has(row, 'prompt', 'completion')) return { prompt: row['prompt'], completion: row['completion'] };
  if (has(row, 'instruction')) {
    const [instruction, input, output] = [row['instruction'], row['input'] ?? '', firstOf(row, ['output', 'response'])];
    if (typeof instruction !== 'string' || typeof input !== 'string') throw new RowRefused('instruction: expected a text');
    return { prompt: [askedTurn(instruction, input)], completion: output };
  }
  const turns = has(row, 'messages') ? chatTurns(row) : readConversation(row, row['conversations']).messages;
  const { before, answer } = lastAnswer(turns);
  if (!answer || turns.at(-1) !== answer) throw new RowRefused('the chat does not end with the answer that the label is about');
  return { prompt: before, completion: [answer] };
}

function chatTurns(row: Record<string, unknown>): ChatTurn[] {
  const [chat] = messages.read({ messages: row['messages'] });
  return chat!.kind === 'chat' ? chat!.messages : [];
}

/** Tables write truth in several ways. */
function labelOf(label: unknown): unknown {
  const text = wordOf(label).toLowerCase();
  if (['true', '1'].includes(text)) return true;
  return ['false', '0'].includes(text) ? false : label;
}
