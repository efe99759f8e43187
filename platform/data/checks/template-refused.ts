/** Rows that the chat template of the model refuses. */
import { rowByRow, rowsOf } from './check.ts';

export const templateRefused = rowByRow({
  kind: 'template_refused',
  severity: 'error',
  drop: 'leaves the rows that the template can write',
  message: (count) => `${rowsOf(count)} refused by the chat template of the model`,
  judge: (row, context, number) => (row.kind === 'invalid' ? null : (context.measure(row, number)?.refused ?? null)),
});
