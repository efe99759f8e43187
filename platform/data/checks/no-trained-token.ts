/** Rows that nothing would be learnt from: no answer, an empty one, or every answer with weight 0. */
import type { DataRow } from '../data-row.ts';
import { turnText } from '../row-text.ts';
import { rowByRow, rowsOf, type CheckContext } from './check.ts';

export const noTrainedToken = rowByRow({
  kind: 'no_trained_token',
  severity: 'error',
  drop: 'leaves the rows that something is learnt from',
  message: (count) => `${rowsOf(count)} without a token that is learnt`,
  judge,
});

function judge(row: DataRow, context: CheckContext, number: number): string | null {
  if (row.kind === 'text') return row.text.trim() === '' ? 'the text is empty' : null;
  if (row.kind === 'preference' || row.kind === 'unpaired') {
    const answers = row.kind === 'preference' ? [row.preferred, row.rejected] : [row.completion];
    return answers.some((answer) => answer.every((turn) => turnText(turn).trim() === '')) ? 'an answer is empty' : null;
  }
  if (row.kind !== 'chat') return null;
  const answers = row.messages.filter((turn) => turn.role === 'assistant');
  if (answers.length === 0) return 'no message is from the assistant';
  if (answers.every((turn) => turn.weight === 0)) return 'every message of the assistant has weight 0';
  if (answers.every((turn) => turn.weight === 0 || turnText(turn).trim() === '')) return 'what the assistant says is empty';
  const measured = context.measure(row, number);
  return measured?.refused === null && measured.trained === 0 ? 'what the assistant says renders to nothing' : null;
}
