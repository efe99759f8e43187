/** What a format of rows is: how to know it, how to read it, how to write it. One format = one file and one line in the list. */
import type { RowKind } from '#contract/row-formats.ts';
import type { ValidRow } from '../data-row.ts';

export interface RowFormat {
  /** What it reads a row into. */
  kind: RowKind;
  /** Why a row may be of this format, judged by its keys alone; null when it is not. */
  looksLike(row: Record<string, unknown>): string | null;
  /** Mostly one row; a tree of replies is several. Throws RowRefused that says what is wrong. */
  read(row: Record<string, unknown>): ValidRow[];
  /** A row of its own kind in this format. Throws RowRefused when the format has no place for what the row holds. */
  write(row: ValidRow): Record<string, unknown>;
}
