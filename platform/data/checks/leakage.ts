/** Rows that ask what evaluation rows ask: what is measured with those would be remembered, not understood. */
import { textHash } from '../row-hash.ts';
import { promptKey } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';

export const leakage = rowByRow({
  kind: 'leakage',
  severity: 'error',
  drop: 'leaves the rows that evaluation does not ask',
  isOpen: (context) => context.evaluationPrompts !== null,
  message: (count) => `${rowsOf(count)} with a question of the evaluation rows`,
  judge(row, context) {
    if (row.kind === 'invalid') return null;
    const key = leakKey(row);
    return key !== '' && context.evaluationPrompts!.has(textHash(key)) ? 'it stands in the evaluation rows, too' : null;
  },
});

/** Texts to go on with ask nothing: there the text itself must not stand on both sides. */
export const leakKey = (row: Parameters<typeof promptKey>[0]): string => (row.kind === 'text' ? row.text.trim() : promptKey(row));
