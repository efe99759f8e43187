/** Rows as columns of text, for people. */
import { padText } from './run-block.ts';

/** The first row is the heading; columns are as wide as their widest cell. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => padText(cell, widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(unixSeconds: number, now = Date.now() / 1000): string {
  const minutes = Math.floor((now - unixSeconds) / 60);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} d ago`;
}
