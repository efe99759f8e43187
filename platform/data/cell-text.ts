/** The text that stands for a value in a cell of a table. */

/** What is no text is its JSON; null is an empty cell. */
export function cellText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
