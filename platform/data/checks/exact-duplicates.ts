/** Rows that stand there more than once, word for word. */
import { rowValue } from '../data-row.ts';
import { HashColumn, none, textHash } from '../row-hash.ts';
import { rowsOf, type Check } from './check.ts';

export const exactDuplicates: Check = {
  kind: 'exact_duplicates',
  severity: 'warning',
  drop: 'keeps the first of each',
  open() {
    const hashes = new HashColumn();
    return {
      see(row) {
        // Columns beside what is learnt may differ: an id, a source.
        hashes.push(row.kind === 'invalid' ? none : textHash(JSON.stringify(rowValue({ ...row, more: {} }))));
      },
      found() {
        const groups = hashes.groups();
        const rows = groups.flatMap(([, ...copies]) => copies).toSorted((left, right) => left - right);
        if (rows.length === 0) return null;
        const examples = groups.slice(0, 5).map(([first, ...copies]) => ({
          row: copies[0]!,
          text: `the same as row ${first}${copies.length > 1 ? `, ${copies.length} times` : ''}`,
        }));
        return { rows, message: `${rowsOf(rows.length)} copied from an earlier one`, examples };
      },
    };
  },
};
