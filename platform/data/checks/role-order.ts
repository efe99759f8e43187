/** Messages in an order that chat templates are not made for. */
import type { ChatTurn } from '#contract/dataset.ts';
import { textOf } from '#contract/openai/chat-messages.ts';
import type { DataRow, ValidRow } from '../data-row.ts';
import { orderProblem } from '../row-order.ts';
import { rowByRow, rowsOf } from './check.ts';

export const roleOrder = rowByRow({
  kind: 'role_order',
  severity: 'error',
  drop: 'leaves the rows whose messages are in order',
  repairs: {
    repair: {
      description: 'joins messages of one side that follow each other, and cuts what comes before the user or after the last answer',
      apply: inOrder,
    },
  },
  message: (count) => `${rowsOf(count)} with messages in an order that models are not trained for`,
  judge: problemOf,
});

function problemOf(row: DataRow): string | null {
  if (row.kind === 'chat') return orderProblem({ messages: row.messages });
  if (row.kind === 'preference') return answerProblem(row.prompt, row.preferred) ?? answerProblem(row.prompt, row.rejected);
  if (row.kind === 'unpaired') return answerProblem(row.prompt, row.completion);
  if (row.kind === 'prompt')
    return row.prompt.at(-1)!.role === 'assistant' ? 'the prompt ends with the assistant: there is nothing left to answer' : null;
  return null;
}

const answerProblem = (prompt: ChatTurn[], answer: ChatTurn[]): string | null => orderProblem({ messages: [...prompt, ...answer] });

/** Null when nothing that can be learnt is left. */
function inOrder(row: ValidRow): ValidRow | null {
  if (row.kind !== 'chat') return null;
  const [first] = row.messages;
  const opening = first && isSystem(first) ? [first] : [];
  const turns = row.messages.slice(opening.length).filter((turn) => !isSystem(turn));
  const starts = turns.findIndex((turn) => turn.role === 'user');
  const ends = turns.findLastIndex((turn) => turn.role === 'assistant');
  if (starts === -1 || ends < starts) return null;
  const messages = [...opening, ...joined(turns.slice(starts, ends + 1))];
  const mended: ValidRow = { ...row, messages };
  return orderProblem({ messages }) === null ? mended : null;
}

const isSystem = (turn: ChatTurn): boolean => turn.role === 'system' || turn.role === 'developer';

function joined(turns: ChatTurn[]): ChatTurn[] {
  const kept: ChatTurn[] = [];
  for (const turn of turns) {
    const before = kept.at(-1);
    const isSame = before?.role === 'assistant' && turn.role === 'assistant' && !before.tool_calls?.length && !turn.tool_calls?.length;
    if (!isSame)
      kept.push(
        turn.role === 'assistant' && !turn.tool_calls?.length && textOf(turn.content ?? '') === '' ? { ...turn, content: null } : turn,
      );
    else
      kept[kept.length - 1] = {
        ...before,
        content: [before, turn]
          .map((each) => textOf(each.content ?? ''))
          .filter(Boolean)
          .join('\n\n'),
      };
  }
  return kept.filter((turn) => turn.role !== 'assistant' || turn.tool_calls?.length || textOf(turn.content ?? '') !== '');
}
