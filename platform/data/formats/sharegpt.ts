/** ShareGPT's conversations, with its system, tools and observation roles. */
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has } from './parse-row.ts';
import { readConversation, writeTurn } from './sharegpt-turns.ts';

const read = ['conversations', 'conversation', 'system', 'tools'];
const named = (row: Record<string, unknown>): string | undefined => ['conversations', 'conversation'].find((name) => has(row, name));

export const sharegpt: RowFormat = {
  kind: 'chat',
  looksLike: (row) => (named(row) && !has(row, 'chosen') && !has(row, 'kto_tag') ? `it has "${named(row)}"` : null),
  read(row) {
    const { messages, tools } = readConversation(row, row[named(row) ?? 'conversations']);
    return [{ kind: 'chat', messages, tools, more: columnsOf(row, read) }];
  },
  write(row) {
    if (row.kind !== 'chat') throw new RowRefused('not a chat');
    return {
      conversations: row.messages.flatMap(writeTurn),
      ...(row.tools && { tools: JSON.stringify(row.tools) }),
      ...row.more,
    };
  },
};
