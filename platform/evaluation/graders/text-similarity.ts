/** How alike two texts are, from 0 to 1. The worker's graders.py says the same of the same texts. */

/** The normalised indel similarity that RapidFuzz calls ratio, which is OpenAI's fuzzy match. */
export function fuzzyMatch(left: string, right: string): number {
  const [a, b] = [Array.from(left), Array.from(right)];
  return a.length + b.length === 0 ? 0 : (2 * common(a, b)) / (a.length + b.length);
}

/** Lin 2004: the F1 of runs of so many words that both have. */
export function rouge(left: string, right: string, size: number): number {
  const [a, b] = [runs(words(left), size), runs(words(right), size)];
  const counts = new Map<string, number>();
  for (const run of b) counts.set(run, (counts.get(run) ?? 0) + 1);
  let shared = 0;
  for (const run of a) {
    const left = counts.get(run) ?? 0;
    if (left > 0) shared++;
    counts.set(run, left - 1);
  }
  return f1(shared, a.length, b.length);
}

/** Lin 2004: the F1 of the longest common subsequence of words. */
export function rougeL(left: string, right: string): number {
  const [a, b] = [words(left), words(right)];
  return f1(common(a, b), a.length, b.length);
}

const words = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
const runs = (list: string[], size: number): string[] =>
  Array.from({ length: Math.max(0, list.length - size + 1) }, (_, at) => list.slice(at, at + size).join(' '));
const f1 = (shared: number, left: number, right: number): number => (left + right === 0 ? 1 : (2 * shared) / (left + right));

/** Length of the longest common subsequence. */
function common(left: string[], right: string[]): number {
  const row = Array.from({ length: right.length + 1 }, () => 0);
  for (const one of left) {
    let before = 0;
    for (let at = 1; at <= right.length; at++) {
      const above = row[at]!;
      row[at] = one === right[at - 1] ? before + 1 : Math.max(above, row[at - 1]!);
      before = above;
    }
  }
  return row.at(-1)!;
}
