/** A single value as text; '' for objects and lists, which may bring a `toString` of their own that is no function. */
export function wordOf(value: unknown): string {
  return typeof value === 'object' ? '' : String(value);
}
