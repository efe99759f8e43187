/** What two versions differ in: rows that came, went, or ask the same and are otherwise not the same. */
import type { DataDiff } from '#contract/datasets.ts';
import { readRowLine, rowValue } from './data-row.ts';
import type { DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { pickRows, readVersionLines } from './read-version.ts';
import { HashColumn, none, textHash } from './row-hash.ts';
import { promptKey } from './row-text.ts';
import { takeTurns } from './turns-of-work.ts';

interface Fingerprints {
  lines: HashColumn;
  prompts: HashColumn;
}

/** Rows that stand in both, wherever, are unchanged. `most` rows of each change are shown. */
export async function diffVersions(files: Files, base: DatasetVersionRow, other: DatasetVersionRow, most: number): Promise<DataDiff> {
  const [before, after] = [await fingerprints(files, base), await fingerprints(files, other)];
  const gone = unmatched(before.lines, after.lines);
  const come = unmatched(after.lines, before.lines);
  const waiting = new Map<number, number[]>();
  for (const row of gone)
    if (before.prompts.at(row) !== none) waiting.set(before.prompts.at(row), [...(waiting.get(before.prompts.at(row)) ?? []), row]);
  const changed: [number, number][] = [];
  const added = come.filter((row) => {
    const partner = waiting.get(after.prompts.at(row))?.shift();
    if (partner !== undefined) changed.push([partner, row]);
    return partner === undefined;
  });
  const taken = new Set(changed.map(([row]) => row));
  const removed = gone.filter((row) => !taken.has(row));
  const value = async (version: DatasetVersionRow, row: number) => rowValue((await pickRows(files, version, [row]))[0]!.row);
  const rows: DataDiff['rows'] = [];
  for (const row of removed.slice(0, most))
    rows.push({ change: 'removed', base_row: row, row: null, before: await value(base, row), after: null });
  for (const [from, to] of changed.slice(0, most))
    rows.push({ change: 'changed', base_row: from, row: to, before: await value(base, from), after: await value(other, to) });
  for (const row of added.slice(0, most)) rows.push({ change: 'added', base_row: null, row, before: null, after: await value(other, row) });
  return {
    object: 'dataset.diff',
    base: base.id,
    other: other.id,
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    unchanged: after.lines.length - come.length,
    rows,
  };
}

async function fingerprints(files: Files, version: DatasetVersionRow): Promise<Fingerprints> {
  const turn = takeTurns();
  const [lines, prompts] = [new HashColumn(), new HashColumn()];
  for await (const { line } of readVersionLines(files, version)) {
    const row = readRowLine(line);
    lines.push(textHash(line));
    prompts.push(row.kind === 'invalid' || row.kind === 'text' ? none : textHash(promptKey(row)));
    const others = turn();
    if (others) await others;
  }
  return { lines, prompts };
}

/** Rows of the one that the other has not, or has less often. */
function unmatched(lines: HashColumn, others: HashColumn): number[] {
  const sorted = others.sorted();
  const rows: number[] = [];
  for (const group of lines.groups(1)) {
    const value = lines.at(group[0]!);
    const start = lowerBound(sorted, value);
    let count = 0;
    while (sorted[start + count] === value) count++;
    rows.push(...group.slice(count));
  }
  return rows.toSorted((left, right) => left - right);
}

function lowerBound(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
