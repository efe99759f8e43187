/** What a check of quality is: it sees every row once, and says at the end which rows it found something at. One check = one file and one line. */
import type { DataFinding } from '#contract/datasets.ts';
import type { DataRow, ValidRow } from '../data-row.ts';

/** How long a row is by the tokenizer of a model, or why its template refuses the row. */
export type Measured = { total: number; trained: number; refused: null } | { refused: string };

export interface CheckContext {
  /** Null without a model, for kinds that are not trained on as they are, and once counting has taken too long. */
  measure(row: ValidRow, number: number): Measured | null;
  /** Longest row in tokens; null when nobody said. */
  maxTokens: number | null;
  /** Special tokens of the model, as text. */
  specialWords: ReadonlySet<string>;
  /** Fingerprints of what evaluation rows ask (`promptKey`); null when there are none to compare with. */
  evaluationPrompts: ReadonlySet<number> | null;
  /** Jaccard similarity from which rows are near duplicates. */
  similarity: number;
}

export interface Found {
  /** In order. These are the rows that "drop" drops. */
  rows: number[];
  message: string;
  examples: { row: number; text: string }[];
}

export interface RowCheck {
  see(row: DataRow, number: number): void;
  /** After the last row; null when all is well. */
  found(): Found | null;
}

export interface Repair {
  description: string;
  /** The row, mended; null drops it. */
  apply(row: ValidRow): ValidRow | null;
}

export interface Check {
  kind: string;
  severity: DataFinding['severity'];
  /** Actions that mend a row, the one to propose first. "drop" comes after them, or alone. */
  repairs?: Record<string, Repair>;
  /** What dropping the rows leaves. */
  drop: string;
  /** Null when this check has nothing to go by. */
  open(context: CheckContext): RowCheck | null;
}

const mostExamples = 5;
const mostExampleText = 160;

export const shorten = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > mostExampleText ? `${line.slice(0, mostExampleText)}…` : line;
};

/** A check that judges each row by itself: `judge` says in a few words what is wrong, or null. */
export function rowByRow(
  parts: Omit<Check, 'open'> & {
    message: (count: number) => string;
    judge: (row: DataRow, context: CheckContext, number: number) => string | null;
    isOpen?: (context: CheckContext) => boolean;
  },
): Check {
  const { message, judge, isOpen, ...check } = parts;
  return {
    ...check,
    open(context) {
      if (isOpen && !isOpen(context)) return null;
      const rows: number[] = [];
      const examples: Found['examples'] = [];
      return {
        see(row, number) {
          const text = judge(row, context, number);
          if (text === null) return;
          rows.push(number);
          if (examples.length < mostExamples) examples.push({ row: number, text: shorten(text) });
        },
        found: () => (rows.length === 0 ? null : { rows, message: message(rows.length), examples }),
      };
    },
  };
}

/** "1 row", "7 rows", to begin a message with. */
export const rowsOf = (count: number): string => (count === 1 ? '1 row' : `${count.toLocaleString('en-US')} rows`);
