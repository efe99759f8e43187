/** Rows that ask nothing. */
import { rowParts, turnText } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';

export const emptyPrompt = rowByRow({
  kind: 'empty_prompt',
  severity: 'warning',
  drop: 'leaves the rows that ask something',
  message: (count) => `${rowsOf(count)} in which the user says nothing`,
  judge(row) {
    if (row.kind === 'invalid' || row.kind === 'text') return null;
    const asked = rowParts(row).asked.filter((turn) => turn.role === 'user');
    return asked.some((turn) => turnText(turn).trim() === '') ? 'a message of the user is empty' : null;
  },
});
