/** Answers far shorter or far longer than the others of their set: often cut off, or several in one. */
import { HashColumn, none } from '../row-hash.ts';
import { rowParts } from '../row-text.ts';
import { rowsOf, shorten, type Check, type Found, type RowCheck } from './check.ts';

/** Below, a median says nothing. */
const leastRows = 20;

const words = (text: string): number => (text.trim() === '' ? 0 : text.trim().split(/\s+/).length);

function unusual(
  parts: Pick<Check, 'kind' | 'severity' | 'drop'>,
  isUnusual: (count: number, median: number) => boolean,
  than: string,
): Check {
  const open = (): RowCheck => {
    const counts = new HashColumn();
    const texts = new Map<number, string>();
    return {
      see(row) {
        const { answers } = rowParts(row);
        counts.push(row.kind === 'invalid' || answers.length === 0 ? none : words(answers[0]!));
        // Whether it is unusual is known at the end only: a few of the shortest and longest are kept to be shown.
        if (answers[0] && (texts.size < 200 || words(answers[0]) <= 2))
          if (texts.size < 2000) texts.set(counts.length, shorten(answers[0]));
      },
      found(): Found | null {
        const known = counts.sorted().filter((count) => count !== none);
        if (known.length < leastRows) return null;
        const median = known[Math.floor(known.length / 2)]!;
        const rows: number[] = [];
        for (let row = 1; row <= counts.length; row++) if (counts.at(row) !== none && isUnusual(counts.at(row), median)) rows.push(row);
        if (rows.length === 0) return null;
        const message = `${rowsOf(rows.length)} with an answer far ${than} than the usual ${median} words`;
        return {
          rows,
          message,
          examples: rows.slice(0, 5).map((row) => ({ row, text: `${counts.at(row)} words${texts.has(row) ? `: ${texts.get(row)}` : ''}` })),
        };
      },
    };
  };
  return { ...parts, open };
}

export const tooShort = unusual(
  { kind: 'too_short', severity: 'warning', drop: 'leaves answers of usual length' },
  // Where answers are a word or two (labels), none is too short; an empty one is another check's.
  (count, median) => count > 0 && median >= 10 && count <= 2 && count < median / 8,
  'shorter',
);

export const unusuallyLong = unusual(
  { kind: 'unusually_long', severity: 'info', drop: 'leaves answers of usual length' },
  (count, median) => count > 200 && count > median * 20,
  'longer',
);
