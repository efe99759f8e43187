/** OpenAI's chats: `messages`, with tools, calls of them, and a weight for each answer. */
import { z } from 'zod';
import { ChatTurn } from '#contract/dataset.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { parseJson, toolList } from './turns.ts';
import { wordOf } from './word-of.ts';

const shape = z.looseObject({ messages: z.array(ChatTurn).min(1) });
const read = ['messages', 'tools', 'functions', 'parallel_tool_calls'];

export const messages: RowFormat = {
  kind: 'chat',
  looksLike: (row) => (has(row, 'messages') && !has(row, 'label') && !has(row, 'chosen') ? 'it has "messages"' : null),
  read(row) {
    // Tables carry the list as its JSON.
    const given = typeof row['messages'] === 'string' ? parseJson(row['messages']) : row['messages'];
    const turns = Array.isArray(given) ? given.map(currentForm) : given;
    const { messages: parsed } = parseRow(shape, { messages: turns });
    const functions = toolList(row['functions']);
    return [{ kind: 'chat', messages: parsed, tools: toolList(row['tools']) ?? functions, more: columnsOf(row, read) }];
  },
  write(row) {
    if (row.kind !== 'chat') throw new RowRefused('not a chat');
    return { messages: row.messages, ...(row.tools && { tools: row.tools }), ...row.more };
  },
};

/** The form of a message before tools: a `function_call`, and its result under the role "function". */
function currentForm(turn: unknown): unknown {
  if (typeof turn !== 'object' || turn === null) return turn;
  const { function_call, ...rest } = turn as Record<string, unknown>;
  if (rest['role'] === 'function') return { ...rest, role: 'tool', tool_call_id: `call_${wordOf(rest['name'])}` };
  if (typeof function_call !== 'object' || function_call === null) return rest;
  const { name } = function_call as { name?: unknown };
  return { ...rest, tool_calls: [{ id: `call_${wordOf(name)}`, type: 'function', function: function_call }] };
}
