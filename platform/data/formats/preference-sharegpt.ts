/** ShareGPT's preferences: a conversation, and a `chosen` and a `rejected` turn to go on with. */
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has } from './parse-row.ts';
import { readConversation, ShareGptReader, writeTurn } from './sharegpt-turns.ts';
import { parseJson } from './turns.ts';

const read = ['conversations', 'chosen', 'rejected', 'system', 'tools'];

export const preferenceShareGpt: RowFormat = {
  kind: 'preference',
  looksLike: (row) => (has(row, 'conversations', 'chosen', 'rejected') ? 'it has "conversations", "chosen" and "rejected"' : null),
  read(row) {
    const { messages, tools } = readConversation(row, row['conversations']);
    const answer = (name: 'chosen' | 'rejected') => {
      const turn = new ShareGptReader().read(typeof row[name] === 'string' ? parseJson(row[name]) : row[name], name);
      if (turn.role !== 'assistant') throw new RowRefused(`${name}.from: expected gpt`);
      return turn;
    };
    return [
      {
        kind: 'preference',
        prompt: messages,
        tools,
        preferred: [answer('chosen')],
        rejected: [answer('rejected')],
        more: columnsOf(row, read),
      },
    ];
  },
  write(row) {
    if (row.kind !== 'preference') throw new RowRefused('not a preference');
    const one = (turns: typeof row.preferred) => {
      const [turn, ...others] = turns.flatMap(writeTurn);
      if (!turn || others.length > 0) throw new RowRefused('ShareGPT has place for one turn in each answer');
      return turn;
    };
    return {
      conversations: row.prompt.flatMap(writeTurn),
      chosen: one(row.preferred),
      rejected: one(row.rejected),
      ...(row.tools && { tools: JSON.stringify(row.tools) }),
      ...row.more,
    };
  },
};
