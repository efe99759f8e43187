/** The flat form of a preference: `prompt`, `chosen`, `rejected`, as texts or messages; without a prompt two chats that begin alike. */
import { isDeepStrictEqual } from 'node:util';
import type { ChatTurn } from '#contract/dataset.ts';
import { PreferenceRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { askedTurn } from './instruction.ts';
import { firstOf, has, parseRow } from './parse-row.ts';
import { answerTurns, oneText, parseJson, promptTurns, system, toolList } from './turns.ts';

const prompts = ['prompt', 'question', 'instruction', 'query'];
const read = [...prompts, 'input', 'chosen', 'rejected', 'system', 'tools'];

export const preference: RowFormat = {
  kind: 'preference',
  looksLike: (row) => (has(row, 'chosen', 'rejected') && !has(row, 'conversations') ? 'it has "chosen" and "rejected"' : null),
  read(row) {
    const given = { prompt: listOrText(firstOf(row, prompts)), chosen: listOrText(row['chosen']), rejected: listOrText(row['rejected']) };
    const { prompt, chosen, rejected } = parseRow(PreferenceRow, given);
    const parts =
      prompt === null || prompt === undefined
        ? commonPrompt(chosen, rejected)
        : { prompt: asked(prompt, row['input']), chosen: answers(chosen, prompt), rejected: answers(rejected, prompt) };
    const opening = typeof row['system'] === 'string' ? system(row['system']) : [];
    return [
      {
        kind: 'preference',
        prompt: [...opening, ...parts.prompt],
        preferred: parts.chosen,
        rejected: parts.rejected,
        tools: toolList(row['tools']),
        more: columnsOf(row, read),
      },
    ];
  },
  write(row) {
    if (row.kind !== 'preference') throw new RowRefused('not a preference');
    const [prompt, chosen, rejected] = [
      oneText(row.prompt, 'user'),
      oneText(row.preferred, 'assistant'),
      oneText(row.rejected, 'assistant'),
    ];
    const isPlain = prompt !== null && chosen !== null && rejected !== null && !row.tools;
    return {
      ...(isPlain ? { prompt, chosen, rejected } : { prompt: row.prompt, chosen: row.preferred, rejected: row.rejected }),
      ...(row.tools && { tools: row.tools }),
      ...row.more,
    };
  },
};

/** In a table a list of messages is its JSON. */
const listOrText = (value: unknown): unknown => {
  const list = typeof value === 'string' && value.startsWith('[{') ? parseJson(value) : undefined;
  return list ?? value;
};

function asked(prompt: string | ChatTurn[], input: unknown): ChatTurn[] {
  return typeof prompt === 'string' && typeof input === 'string' ? [askedTurn(prompt, input)] : promptTurns(prompt);
}

/** Some repeat the prompt before each answer. */
function answers(answer: string | ChatTurn[], prompt: string | ChatTurn[]): ChatTurn[] {
  const turns = answerTurns(answer);
  const before = promptTurns(prompt);
  return turns.length > before.length && isDeepStrictEqual(turns.slice(0, before.length), before) ? turns.slice(before.length) : turns;
}

function commonPrompt(chosen: string | ChatTurn[], rejected: string | ChatTurn[]) {
  if (typeof chosen === 'string' || typeof rejected === 'string')
    throw new RowRefused('prompt: is missing, and "chosen" and "rejected" are no chats that could share one');
  let common = 0;
  while (common < Math.min(chosen.length, rejected.length) - 1 && isDeepStrictEqual(chosen[common], rejected[common])) common++;
  if (common === 0) throw new RowRefused('prompt: is missing, and "chosen" and "rejected" do not begin alike');
  return { prompt: chosen.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common) };
}
