/** Answers that are labels, some of them far rarer than others: the model learns to guess the common ones. */
import { HashColumn, none, textHash } from '../row-hash.ts';
import { rowParts } from '../row-text.ts';
import type { DataRow } from '../data-row.ts';
import { rowsOf, type Check } from './check.ts';

const mostClasses = 50;
const longestLabel = 40;
const leastRows = 20;
/** The commonest label may be so many times as frequent as the rarest. */
const mostRatio = 5;

export const classBalance: Check = {
  kind: 'class_balance',
  severity: 'warning',
  drop: `leaves ${mostRatio} rows of a common label for each of the rarest one`,
  open() {
    const labels = new Map<string, number>();
    const column = new HashColumn();
    let isOver = false;
    return {
      see(row) {
        const label = isOver ? null : labelOf(row);
        column.push(label === null ? none : textHash(label));
        if (label === null) return;
        labels.set(label, (labels.get(label) ?? 0) + 1);
        isOver = labels.size > mostClasses || label.length > longestLabel;
      },
      found() {
        const counts = [...labels].toSorted(([, left], [, right]) => right - left);
        const total = counts.reduce((sum, [, count]) => sum + count, 0);
        // Labels repeat: an answer of its own for every second row is none.
        if (isOver || total < leastRows || counts.length < 2 || counts.length > total / 4) return null;
        const [common, rarest] = [counts[0]!, counts.at(-1)!];
        if (common[1] <= mostRatio * rarest[1]) return null;
        const rows = surplus(column, counts, rarest[1] * mostRatio);
        const message = `"${common[0]}" is the answer of ${common[1]} rows, "${rarest[0]}" of ${rarest[1]}: ${rowsOf(rows.length)} of common labels are too many`;
        return { rows, message, examples: rows.slice(0, 5).map((row) => ({ row, text: 'one of a common label' })) };
      },
    };
  },
};

function labelOf(row: DataRow): string | null {
  if (row.kind === 'unpaired') return String(row.label);
  return row.kind === 'chat' ? (rowParts(row).answers[0]?.trim().toLowerCase() ?? null) : null;
}

/** The rows of each label beyond `most`, the last ones of the file. */
function surplus(column: HashColumn, counts: [string, number][], most: number): number[] {
  const seen = new Map(counts.map(([label]) => [textHash(label), 0]));
  const rows: number[] = [];
  for (let row = 1; row <= column.length; row++) {
    const before = seen.get(column.at(row));
    if (before === undefined) continue;
    seen.set(column.at(row), before + 1);
    if (before >= most) rows.push(row);
  }
  return rows;
}
