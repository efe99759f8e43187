/** A single value as text; '' for objects and lists, which may bring a `toString` of their own that is no function. */
export function wordOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
