/** Rows that only ask: what is wrong with the question, answered by one sign, is wrong with the row. */
import { rowProblem, type ChatRow, type ChatTurn } from '#contract/dataset.ts';
import { orderProblem } from './row-order.ts';
import { RowRefused } from './row-refused.ts';

const anyAnswer: ChatTurn = { role: 'assistant', content: '.' };

/** A prompt alone, or a chat, whose last answer the model is to find for itself. Throws `RowRefused`. */
export function askedChat(row: unknown): ChatRow {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new RowRefused('not a JSON object');
  const { prompt, messages, tools, invalid } = row as {
    prompt?: unknown;
    messages?: unknown;
    tools?: unknown;
    invalid?: { reason: string };
  };
  if (invalid) throw new RowRefused(invalid.reason);
  const turns = prompt ?? messages;
  if (!Array.isArray(turns) || turns.length === 0) throw new RowRefused('there is neither a "prompt" nor "messages" that ask something');
  const asked = (turns as ChatTurn[]).at(-1)?.role === 'assistant' ? turns.slice(0, -1) : turns;
  const chat = { messages: [...asked, anyAnswer], tools: tools ?? null };
  const problem = rowProblem(chat) ?? orderProblem(chat as ChatRow);
  if (problem !== null) throw new RowRefused(problem);
  return chat as ChatRow;
}
