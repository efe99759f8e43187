/** Rows that compare answers, as the chats they hold: what is wrong with a chat is wrong with its row. */
import { rowProblem, type ChatRow } from '#contract/dataset.ts';
import { requestProblem } from '#contract/openai/request-problem.ts';
import { PreferenceOpenAiRow, UnpairedRow, type RowKind } from '#contract/row-formats.ts';
import { orderProblem } from './row-order.ts';
import { RowRefused } from './row-refused.ts';

type Turns = ChatRow['messages'];

/**
 * The prompt with each of its answers; of the prompt nothing is learnt. `kinds` are those that the method takes. Throws `RowRefused`.
 */
export function comparedChats(row: unknown, kinds: readonly RowKind[]): ChatRow[] {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new RowRefused('not a JSON object');
  if ('invalid' in row) throw new RowRefused((row.invalid as { reason: string }).reason);
  const isPair = 'preferred_output' in row || !kinds.includes('unpaired');
  const chats = isPair ? pairChats(row) : labelledChats(row);
  for (const chat of chats) {
    const problem = rowProblem(chat) ?? orderProblem(chat);
    if (problem !== null) throw new RowRefused(problem);
  }
  return chats;
}

function pairChats(row: object): ChatRow[] {
  const parsed = PreferenceOpenAiRow.safeParse(row);
  if (!parsed.success) throw new RowRefused(requestProblem(parsed.error, 'the row').message);
  const { input, preferred_output: preferred, non_preferred_output: rejected } = parsed.data;
  if (JSON.stringify(preferred) === JSON.stringify(rejected)) throw new RowRefused('both answers are the same, so neither is preferred');
  return [preferred, rejected].map((answer) => chatOf(input.messages, answer, input.tools));
}

function labelledChats(row: object): ChatRow[] {
  const parsed = UnpairedRow.safeParse(row);
  if (!parsed.success) throw new RowRefused(requestProblem(parsed.error, 'the row').message);
  const { prompt, completion, tools } = parsed.data;
  if (typeof prompt === 'string' || typeof completion === 'string') throw new RowRefused('prompt and completion: expected messages');
  return [chatOf(prompt, completion, tools)];
}

function chatOf(prompt: Turns, answer: Turns, tools: unknown): ChatRow {
  if (prompt.at(-1)?.role === 'assistant')
    throw new RowRefused('the last message before the answers is from the assistant, not from the user');
  if (answer[0]?.role !== 'assistant')
    throw new RowRefused(`an answer begins with a message from the ${answer[0]?.role ?? 'nobody'}, not from the assistant`);
  const read = prompt.map((turn) => (turn.role === 'assistant' ? { ...turn, weight: 0 as const } : turn));
  return { messages: [...read, ...answer], tools: (tools ?? null) as ChatRow['tools'] };
}
