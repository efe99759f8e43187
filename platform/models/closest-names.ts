/** Which names somebody may have meant who wrote another one. */

/** At most three, nearest first: those that differ in a third of their letters or less, or begin alike. */
export function closestNames(wanted: string, names: readonly string[]): string[] {
  const near = names.map((name) => ({ name, distance: editDistance(wanted.toLowerCase(), name.toLowerCase()) }));
  return near
    .filter(({ name, distance }) => distance <= Math.max(name.length, wanted.length) / 3 || (wanted.length >= 4 && name.startsWith(wanted)))
    .sort((left, right) => left.distance - right.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Letters to insert, delete or replace (Levenshtein 1966), by one row of the table at a time. */
function editDistance(left: string, right: string): number {
  // An id is short; what is not one need not be measured.
  if (Math.abs(left.length - right.length) > 40) return Infinity;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}
