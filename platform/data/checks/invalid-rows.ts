/** Rows that could not be read in the format of their file. */
import { rowByRow, rowsOf } from './check.ts';

export const invalidRows = rowByRow({
  kind: 'invalid_rows',
  severity: 'error',
  drop: 'leaves the rows that could be read',
  message: (count) => `${rowsOf(count)} that cannot be read`,
  judge: (row) => (row.kind === 'invalid' ? row.reason : null),
});
